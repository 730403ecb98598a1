"""One file: its statements, its definitions and names, parsed as far as somebody asks."""
