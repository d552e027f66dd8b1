"""What reads and makes models: MXNet's files, the Symbol API, and the way of a Graph into TE and Relax."""
