"""Simulated robots: a step takes torques and gives SI readings and a reward, with no ROS."""
