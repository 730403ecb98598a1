"""LibCST's nodes without the layout, made of the standard library's much quicker trees."""
