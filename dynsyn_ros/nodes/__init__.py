"""The ROS nodes: topics, services, parameters, timers and lifecycle, and nothing else."""
