"""Drawing what the wire carries: a window, pictures, mp4. Knows bytes and meshes, not models."""
