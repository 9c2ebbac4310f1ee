"""What is studied: networks, their tangent kernel, training, and kernel regression."""
