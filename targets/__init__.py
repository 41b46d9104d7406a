if __name__ != "edgernn.targets":
    raise ImportError("import edgernn.targets, not targets: the repository root is on sys.path")
