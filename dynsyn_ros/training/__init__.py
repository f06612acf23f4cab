"""Headless training and what is made of it: no ROS is needed here."""
