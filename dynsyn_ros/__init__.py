"""A legged robot that learns to walk while it runs, by fluctuating synapses (Wei & Webb, 2018)."""
