if __name__ != "edgernn.embed":
    raise ImportError("import edgernn.embed, not embed: the repository root is on sys.path")
