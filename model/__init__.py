"""What is trained, and what it is trained on: the avatar, the synthetic talker and the networks (torch)."""
