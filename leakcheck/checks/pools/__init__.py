"""LK4xx: pools and engines that are built to fail."""
