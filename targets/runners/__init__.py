if __name__ != "edgernn.targets.runners":
    raise ImportError("import edgernn.targets.runners: the repository root is on sys.path")
