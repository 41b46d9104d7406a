if __name__ != "edgernn.export":
    raise ImportError("import edgernn.export, not export: the repository root is on sys.path")
