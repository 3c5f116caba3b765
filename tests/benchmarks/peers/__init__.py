"""What a user could run instead: each script starts in the environment of its client and imports nothing of ours."""
