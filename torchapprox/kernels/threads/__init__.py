"""Blocks of a kernel's items, handed to threads in compiled code, and memory to work in."""
