if __name__ != "edgernn.firmware_stubs":
    raise ImportError(
        "import edgernn.firmware_stubs, not firmware_stubs: the repository root is on sys.path"
    )
