"""Captured faces with sound, in the layouts in which they are published, behind one interface."""
