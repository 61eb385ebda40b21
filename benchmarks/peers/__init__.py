"""The peers, each as its own users would write it."""
