"""The live engine: audio chunks in, mesh frames out. Never imports torch or Open3D."""
