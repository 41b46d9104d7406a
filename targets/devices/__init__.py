if __name__ != "edgernn.targets.devices":
    raise ImportError("import edgernn.targets.devices: the repository root is on sys.path")
