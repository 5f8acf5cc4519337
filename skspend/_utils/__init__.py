"""What every part of skspend uses. It imports nothing else of skspend."""
