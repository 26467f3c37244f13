"""The published scheme, MeshTalk's (Richard et al., ICCV 2021), as a model family: what ours is measured beside."""
