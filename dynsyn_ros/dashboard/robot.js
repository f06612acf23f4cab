// The robot from the side, as its readings tell, over the ground its lidar has seen.

const HEIGHT = 4.4;  // m that are shown
const JUMP = 3;  // m; farther in one reading, and it was put elsewhere

const turn = (angle, [x, z]) => [x * Math.cos(angle) + z * Math.sin(angle), -x * Math.sin(angle) + z * Math.cos(angle)];

export class Robot {
  constructor(canvas) {
    this.canvas = canvas;
    this.scene = {links: [], joints: []};
    this.joints = {};
    this.place = null;
    this.pitch = 0;
    this.ground = new Map();
  }

  get drawable() { return this.scene.joints.some(joint => joint.name in this.joints); }

  read(readings, lidar) {  // put it where its readings say it is
    const before = Object.keys(this.joints).join();
    this.joints = {};
    for (const [name, value] of Object.entries(readings)) {
      const joint = name.match(/^joint_states\.(.*)\.position$/);
      if (joint) this.joints[joint[1]] = value ?? 0;
    }
    if (Object.keys(this.joints).join() !== before) this.ground.clear();  // another robot
    const [x, y, z, w] = ['x', 'y', 'z', 'w'].map(axis => readings['imu.orientation.' + axis] ?? Number(axis === 'w'));
    this.pitch = Math.atan2(2 * (w * y - z * x), 1 - 2 * (x * x + y * y));
    const place = [readings['odom.position.x'] ?? 0, readings['odom.position.z'] ?? 0];
    if (this.place && Math.abs(place[0] - this.place[0]) > JUMP) this.ground.clear();
    this.place = place;
    for (let i = 0; lidar.step != null && `scan.${i}` in readings; i++) {
      const range = readings[`scan.${i}`], angle = lidar.first + i * lidar.step;
      if (range == null || (lidar.most != null && range >= lidar.most)) continue;  // it sees nothing there
      const hit = [place[0] + range * Math.sin(angle), place[1] - range * Math.cos(angle)];
      this.ground.set(Math.round(hit[0] * 4), hit);
    }
    for (const [key, [x]] of this.ground) if (x < place[0] - 9) this.ground.delete(key);
  }

  frames() {  // where each link is, and its turn about the y axis: forward kinematics in the plane
    const poses = {}, {links, joints} = this.scene;
    const children = new Set(joints.map(joint => joint.child));
    for (const link of links) if (!children.has(link.name)) poses[link.name] = [this.place, 0];
    for (let left = joints.length; left--;) for (const joint of joints) {
      if (!(joint.parent in poses) || joint.child in poses) continue;
      const [[x, z], angle] = poses[joint.parent], [dx, dz] = turn(angle, joint.place);
      const own = joint.floating ? this.pitch : joint.pitch + joint.sense * (this.joints[joint.name] ?? 0);
      poses[joint.child] = [[x + dx, z + dz], angle + own];
    }
    return poses;
  }

  draw(soft) {
    if (!this.place) return;
    const {canvas} = this, ratio = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext('2d'), scale = height / HEIGHT, [x0, z0] = this.place;
    pen.scale(ratio, ratio);
    pen.font = '11px system-ui';
    const at = ([x, z]) => [width * 0.4 + (x - x0) * scale, height * 0.36 - (z - z0) * scale];
    this.drawGround(pen, at);
    pen.strokeStyle = pen.fillStyle = soft;
    pen.textAlign = 'center';
    for (let x = Math.ceil(x0 - 0.4 * width / scale); at([x, z0])[0] < width - 14; x++) {
      const left = at([x, z0])[0];
      if (left < 14) continue;
      pen.fillRect(left, height - 18, 1, x % 5 ? 3 : 6);
      if (scale > 45 || x % 5 === 0) pen.fillText(x + ' m', left, height - 2);
    }
    canvas.setAttribute('aria-label', `The robot at ${x0.toFixed(1)} m, tilted by ${(this.pitch * 180 / Math.PI).toFixed(0)} degrees`);
    if (!this.drawable) return;
    const poses = this.frames();
    for (const link of [...this.scene.links].reverse()) {
      if (!link.polygon.length || !(link.name in poses)) continue;
      const [[x, z], angle] = poses[link.name];
      pen.beginPath();
      for (const corner of link.polygon) {
        const [dx, dz] = turn(angle, corner);
        pen.lineTo(...at([x + dx, z + dz]));
      }
      pen.closePath();
      pen.fillStyle = link.colour;
      pen.fill();
      pen.lineWidth = 0.7;
      pen.stroke();
    }
  }

  drawGround(pen, at) {
    pen.strokeStyle = '#4caf50';
    pen.lineWidth = 2;
    pen.beginPath();
    let before = null;
    for (const point of [...this.ground.values()].sort((a, b) => a[0] - b[0])) {
      if (before !== null && point[0] - before < 2) pen.lineTo(...at(point));
      else pen.moveTo(...at(point));  // unseen between the two
      before = point[0];
    }
    pen.stroke();
  }
}
