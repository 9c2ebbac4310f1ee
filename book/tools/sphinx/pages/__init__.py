"""The pages whose contents are made: library, claims, course, performance."""
