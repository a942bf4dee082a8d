"""Facts about a node that several services tell, each in the form of who asks."""
