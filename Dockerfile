# dynsyn_ros on ROS 2:
#   docker build --build-arg ROS_DISTRO=jazzy --tag dynsyn_ros .
#   docker run --rm --net host dynsyn_ros
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}
SHELL ["/bin/bash", "-c"]
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /ws
COPY . src/dynsyn_ros
# Of what rosdep knows, RViz and rqt stay out: whoever looks does so from another machine. Box2D is
# on PyPI only.
RUN apt-get update && rosdep update --rosdistro "$ROS_DISTRO" \
    && rosdep install --from-paths src --ignore-src --default-yes --dependency-types exec \
       --skip-keys "rviz2 rqt_gui rqt_plot rqt_image_view python3-gymnasium-pip" \
    && pip install --break-system-packages "gymnasium[box2d]" \
    && rm -rf /var/lib/apt/lists/*
RUN source /opt/ros/$ROS_DISTRO/setup.bash && colcon build --packages-select dynsyn_ros
RUN sed --in-place 's|^exec|source /ws/install/setup.bash\nexec|' /ros_entrypoint.sh
CMD ["ros2", "launch", "dynsyn_ros", "walker_sim.launch.py"]
