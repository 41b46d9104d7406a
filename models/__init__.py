if __name__ != "edgernn.models":
    raise ImportError("import edgernn.models, not models: the repository root is on sys.path")
