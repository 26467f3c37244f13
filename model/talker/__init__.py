"""The synthetic talker: text to speech with phone timings, to articulation, to rig curves at 60 fps."""
