# Copyright 2026 dynsyn_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The dashboard except its page: what it shows of the nodes, what it keeps, whom it answers."""

import argparse
import asyncio
import json
import math
from pathlib import Path
import signal
import socket
import struct
import time
from urllib.parse import urlsplit

from aiohttp import ClientSession
from conftest import ROBOT_FILE
from dynsyn_ros.cli import dashboard as cli
from dynsyn_ros.dashboard import access, history, scene
from dynsyn_ros.dashboard.server import FILES, MOST_WAITING, Server
from dynsyn_ros.nodes import buttons, topics
from dynsyn_ros.nodes.buttons import BUTTONS, REWARDS
from dynsyn_ros.nodes.controller import ControllerNode
from dynsyn_ros.nodes.dashboard import DashboardNode
from dynsyn_ros.nodes.monitor import table
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.simulation.bipedal_walker import SPEC
from programs import refused
import pytest
from rclpy.node import Node
from ros import lockstep, make, PATIENCE, ros, spin_until, spinning
from served import asked, dashboard

pytestmark = pytest.mark.ros


def strict(text):
    """Read JSON as browsers do."""
    def refuse(word):
        raise AssertionError(f'{word} is no JSON')

    return json.loads(text, parse_constant=refuse)


class Looker:
    """Keeps what a page would know from a node's news."""

    def __init__(self, node):
        self.seen = {'reports': []}
        self._news, self._looked = node.news, 0.0
        self._server = Server({}, node.news, node.press, 20.0, None)
        self._server._clients.add(self)

    def tell(self, text):
        told = strict(text)
        self.seen['reports'] += told.pop('reports')
        self.seen.update({key: value for key, value in told.items() if value})

    def __call__(self):
        """Look again, at the pace of a server."""
        if time.monotonic() - self._looked > 0.05:
            self._looked = time.monotonic()
            self._server._tell(self._news())
        return self.seen | self._server._history.everything()


def test_news_are_those_of_the_nodes_whatever_else_is_on_the_topics(tmp_path, monkeypatch):
    monkeypatch.setattr(buttons, 'ANSWER_TIME', PATIENCE)
    with ros():
        values = lockstep(tmp_path, namespace='/own')
        node = DashboardNode(namespace='/own')
        look = Looker(node)
        node.press('save', 'a')
        seen = look()
        assert seen['reports'][0]['outcome'] == 'refused'
        assert seen['obstacles']['stop'] == 'there is no /own/controller/estop'
        simulator, controller = make(SimulatorNode, **values), make(ControllerNode, **values)
        other = Node('other', namespace='/own')
        with spinning(simulator, controller, node, other) as executor:
            controller.start()

            def all_there():
                seen = look()
                return (seen.get('readings') and seen.get('lidar') and seen['returns']
                        and any(name.startswith('centre') for name in seen['columns'])
                        and set(seen.get('diagnostics', ())) == {'controller', 'simulator'})

            spin_until(executor, all_there, 'news of everything')
            seen = look()
            assert list(seen['readings']) == list(controller.control.inputs.names)
            assert seen['lidar']['most'] == pytest.approx(SPEC.range_max)
            assert {name.partition(' ')[2] for name in seen['columns'] if ' ' in name} == set(
                controller._robot.first_synapses)
            assert max(seen['ages'].values()) < PATIENCE
            assert 'receiving' not in seen['diagnostics']['controller']['message'], 'all is well'
            assert [number for number, _ in seen['returns']] == list(
                range(1, len(seen['returns']) + 1))
            spin_until(executor, lambda: not look()['obstacles']['scold'], 'an ear for praise')
            heard = []
            other.create_subscription(topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD,
                                      lambda message: heard.append(message.data), topics.QOS)
            spin_until(executor, lambda: other.count_publishers(topics.HUMAN_REWARD) and
                       node._buttons._praise.get_subscription_count() == 2)
            for button in (*REWARDS, 'rollback', 'dance'):
                for page in 'ab':  # at the same time
                    node.press(button, f'{button} on {page}')
            spin_until(executor, lambda: len(look()['reports']) == 9, 'answers')
            spin_until(executor, lambda: len(heard) == 4, 'praise')
            assert heard == [value for value in REWARDS.values() for _ in 'ab']
            assert {each['who']: each['outcome'] for each in look()['reports'][1:]} == {
                f'{button} on {page}': outcome for page in 'ab' for button, outcome in {
                    'praise': 'done', 'scold': 'done', 'rollback': 'refused',
                    'dance': 'refused'}.items()}
            # What others publish is shown unchanged or not at all; nothing ends, all is JSON.
            controller.stop()
            names, joint = ('weights', 'readings'), 'joint_states.hip_1.position'
            kinds = {name: topics.OWN[f'controller/{name}'] for name in names}
            ends = {name: other.create_publisher(kinds[name], f'controller/{name}', topics.QOS)
                    for name in names}
            scans = other.create_publisher(topics.SENSORS['scan'], 'scan', topics.QOS)
            scan = topics.SENSORS['scan'](range_max=math.inf, angle_min=math.nan)
            node._see_lidar()

            def infinite():
                ends['weights'].publish(kinds['weights'](data=[1.0, 2.0]))
                readings = table(kinds['readings'], ('reading',), (joint,))
                readings.data = [math.nan]
                ends['readings'].publish(readings)
                scans.publish(scan)
                seen = look()
                return (seen['lidar']['most'] is None and seen['lidar']['first'] is None and
                        seen['readings'] == {joint: None})

            spin_until(executor, infinite, 'numbers that are none')
            assert 'weights' not in look()['ages'], 'nothing is shown of what has no layout'


def test_only_its_own_page_with_its_token_may_press(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    reached = '--host', '0.0.0.0', '--allow-host', 'robot.example'
    with dashboard(*reached) as (running, printed):
        parts = urlsplit(printed)
        assert parts.hostname == socket.gethostname().lower()
        address = parts._replace(netloc=f'127.0.0.1:{parts.port}').geturl()
        upgrade = {'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
                   'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA=='}
        for expected, path, token, headers in (
            (200, '/', None, {}),
            (200, '/scene', None, {'Host': 'robot.example'}),
            (200, '/page.js', '', {}),
            (403, '/', '', {}),
            (403, '/', 'guessed', {}),
            (403, '/', None, {'Host': 'attacker.example'}),
            (403, '/page.js', None, {'Host': f'attacker.example:{parts.port}'}),
            (403, '/scene', '', {}),
            (403, '/', None, {'Host': '[::1'}),
            (403, '/live', '', upgrade),
            (403, '/live', None, {**upgrade, 'Origin': 'http://['}),
            (403, '/live', None, {**upgrade, 'Host': 'a.example', 'Origin': 'http://a.example'}),
            (403, '/live', None, {**upgrade, 'Origin': 'http://attacker.example'}),
            # It is allowed, but urllib closes each connection, which prevents an upgrade.
            (400, '/live', None, {**upgrade, 'Origin': f'http://127.0.0.1:{parts.port}'}),
        ):
            status, answered = asked(address, path, token, **headers)
            assert status == expected, (path, token, headers)
            assert "frame-ancestors 'none'" in answered['Content-Security-Policy'], path
        for malformed in (b'GET / HTTP/1.1\r\n\r\n', b'GET /?\xff HTTP/1.1\r\n\r\n'):
            with socket.create_connection(('127.0.0.1', parts.port), PATIENCE) as client:
                client.sendall(malformed)
                assert client.recv(12) == b'HTTP/1.0 400'
        opened = '\r\n'.join((
            f'GET /live?{parts.query} HTTP/1.1', f'Host: 127.0.0.1:{parts.port}',
            *(f'{name}: {value}' for name, value in upgrade.items()), '', '')).encode()
        for _ in range(20):  # pages that are closed again at once
            with socket.create_connection(('127.0.0.1', parts.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                client.sendall(opened)
        # A client that never reads delays nobody and does not keep the server alive.
        deaf = socket.create_connection(('127.0.0.1', parts.port), PATIENCE)
        deaf.sendall(opened)
        assert deaf.recv(12) == b'HTTP/1.1 101'
        asked_at = time.monotonic()
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=PATIENCE)
        assert time.monotonic() - asked_at < 10.0
        assert running.returncode == 0
        assert 'beyond this machine' in said
        assert 'Traceback' not in said
        deaf.close()
    file = access.token_file()
    assert file.stat().st_mode & 0o777 == 0o600
    assert access.read_token() == file.read_text(), 'a restarted dashboard has the same address'
    file.chmod(0o644)
    assert access.read_token() != parts.query.removeprefix('token='), 'others may have read it'


def test_a_client_that_never_reads_delays_no_other():
    told = iter(range(1 << 30))
    large = 'x' * 100_000

    def news():
        return {'streams': {}, 'episodes': [], 'answers': [], 'number': next(told), 'is': large}

    async def look(port, stop):
        async with ClientSession(f'http://127.0.0.1:{port}') as session:
            deaf = await session.ws_connect('/live?token=t', max_msg_size=0)
            deaf._conn.transport.pause_reading()
            async with session.ws_connect('/live?token=t', max_msg_size=0) as socket:
                await socket.receive_json()
                numbers = [(await socket.receive_json())['number']]
                while len(server._clients) > 1:
                    numbers.append((await socket.receive_json())['number'])
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert len(numbers) < 2 * MOST_WAITING, 'its queue was bounded'
            stop.append(True)
            deaf._conn.transport.abort()

    async def serve():
        stop, port = [], asyncio.get_running_loop().create_future()
        serving = asyncio.ensure_future(server.serve(
            '127.0.0.1', 0, lambda: bool(stop), lambda _, bound: port.set_result(bound)))
        await asyncio.wait_for(look(await port, stop), PATIENCE)
        await asyncio.wait_for(serving, PATIENCE)

    server = Server({}, news, None, 100.0, access.Access('127.0.0.1', (), 't'))
    asyncio.run(serve())


def weights(value):
    return {'amplitude': value, 'weights': {'weight': {'a': value}, 'centre': {'a': -value}}}


def test_the_last_hour_is_kept_and_gaps_are_gaps():
    kept = history.History()
    for k in range(20 * 100):
        kept.add(1000.0 + k / 20, weights(k // 20), ())
    for k in range(20):  # silence, then on
        assert kept.add(1100.0 + k / 20, {}, ()) == {'recent': [], 'hour': [], 'returns': []}
    kept.add(1110.0, weights(1.0), ())
    everything = kept.everything()
    assert everything['columns'] == ['amplitude', 'mean_reward', 'centre a', 'weight a']
    assert everything['hour'][:2] == [[1000.5, 0, None, 0, 0], [1001.5, 1, None, -1, 1]]
    *_, last, gap, now = everything['recent']
    assert (last[0], gap[1:], now) == (1099.95, [None] * 4, [1110.0, 1.0, None, -1.0, 1.0])
    for second in range(5000):
        kept.add(2000.0 + second, weights(math.nan if second % 2 else 2.0), ())
    everything = kept.everything()
    assert len(everything['hour']) <= 3602
    assert everything['hour'][-1][0] - everything['hour'][0][0] <= 3600
    assert len(everything['recent']) <= 122
    assert [row[1] for row in everything['hour'][-2:]] in ([2.0, None], [None, 2.0])
    other = {'weights': {'weight': {'b': 0.0}, 'centre': {'b': 0.0}}}
    everything = kept.add(7000.0, other, ())  # another robot
    assert everything['columns'] == ['amplitude', 'mean_reward', 'centre b', 'weight b']
    assert everything['recent'][-1] == [7000.0, None, None, 0.0, 0.0]
    assert everything['recent'][-3] == [6998.0, 2.0, None, None, None]
    more = {'weights': {'weight': {'b': 0.0, 'c': 1.0}, 'centre': {'b': 0.0, 'c': 1.0}}}
    kept.add(7001.0, more, ())
    assert kept.add(7002.0, {'amplitude': 1.0}, ())['recent'] == [[7002.0, 1.0, *[None] * 5]]
    everything = kept.add(7003.0, other, ())  # the same robot, with fewer weights to show
    assert everything['columns'] == ['amplitude', 'mean_reward', 'centre b', 'weight b']


def test_a_clock_that_is_set_back_leaves_no_future():
    kept = history.History()
    for k in range(80):
        kept.add(1000.0 + k / 20, {**weights(1.0), 'mean_reward': 1.0}, ())
    told = kept.add(1002.02, {**weights(2.0), 'mean_reward': 3.0}, ())
    assert told == kept.everything(), 'the pages forget it too'
    *_, last, now = told['recent']
    assert (last[0], now) == (1002.0, [1002.02, 2.0, 3.0, -2.0, 2.0])
    assert [row[0] for row in told['hour']] == [1000.5, 1001.5]
    for k in range(20):
        kept.add(1003.0 + k / 20, weights(2.0), ())
    assert [row[0] for row in kept.everything()['hour']] == [1000.5, 1001.5, 1002.5]


def test_episodes_keep_their_numbers():
    kept = history.History()
    assert kept.add(1.0, {}, [(41, 1.5), (42, 2.5)])['returns'] == [[41, 1.5], [42, 2.5]]
    assert kept.add(2.0, {}, [(45, 3.5)])['returns'] == [[45, 3.5]], 'two were not heard'
    assert kept.everything()['returns'] == [[41, 1.5], [42, 2.5], [45, 3.5]]
    assert kept.add(3.0, {}, [(1, 0.5)])['returns'] == [[1, 0.5]], 'another run'
    assert kept.add(4.0, {}, [(2, 0.5)]) == {'recent': [], 'hour': [], 'returns': [[2, 0.5]]}


def test_every_button_of_the_page_is_known_and_every_file_served():
    folder = Path(scene.__file__).parent
    page = ''.join((folder / name).read_text() for name in ('page.html', 'page.js'))
    for button in (*BUTTONS, *REWARDS):
        assert f"'{button}'" in page or f'data-press="{button}"' in page, button
    for name in FILES:
        assert (folder / name).is_file(), name
    assert 'http:' not in page.replace('https:', ''), 'nothing comes from the network'


MESH = '<geometry><mesh filename="{}"/></geometry>'


@pytest.mark.parametrize(('visual', 'colour'), [
    ('', 'rgb(128, 128, 128)'),
    ('<material name="blue"/>', 'rgb(0, 0, 255)'),
    ('<material name="wood"/>', 'rgb(128, 128, 128)'),
    ('<material name="own"><color rgba="1 0 0 1"/></material>', 'rgb(255, 0, 0)')])
def test_a_link_has_the_colour_that_its_urdf_gives_or_none(tmp_path, visual, colour):
    file = tmp_path / 'dog.urdf'
    file.write_text(f"""<robot name="dog">
        <material name="blue"><color rgba="0 0 1 1"/></material>
        <material name="wood"><texture filename="wood.png"/></material>
        <link name="body"><visual><geometry><box size="2 1 4"/></geometry>{visual}</visual></link>
        <link name="head"><visual><geometry><sphere radius="1"/></geometry></visual></link>
        <link name="tail"><visual>{MESH.format('tail.stl')}</visual></link></robot>""")
    body, head, tail = scene.read(file)['links']
    assert body == {'name': 'body', 'polygon': [(-1, 2), (1, 2), (1, -2), (-1, -2)],
                    'colour': colour}
    assert (head['polygon'], tail['polygon']) == ([], []), 'they cannot be drawn'


@pytest.mark.parametrize(('name', 'words'), [
    ('a.obj', 'cannot read the mesh a.obj of .*dog.urdf: No such file'),
    ('package://dynsyn_ros/a.obj', 'cannot read the mesh package://dynsyn_ros/a.obj of .*dog'),
    ('package://dogs/a.obj', 'cannot read the mesh package://dogs/a.obj of .*dog.urdf'),
    ('bad.obj', 'the mesh bad.obj of .*dog.urdf is not an OBJ file')])
def test_a_mesh_that_cannot_be_read_is_named(tmp_path, name, words):
    (tmp_path / 'bad.obj').write_text('v 0 0 0\nf 1 2 3')
    file = tmp_path / 'dog.urdf'
    file.write_text(f'<robot name="dog"><link name="body"><visual>{MESH.format(name)}</visual>'
                    '</link></robot>')
    with pytest.raises(ConfigError, match=words):
        scene.read(file)


@pytest.mark.parametrize(('content', 'words'), [
    ('<link name="a"><visual><material><color rgba="red"/></material></visual></link>',
     "could not convert string to float: 'red'"),
    ('<joint name="hip"/>', 'the joint hip has no parent or no child'),
    ('<joint name="hip"><parent link="a"/><child link="b"/><axis xyz="0 1"/></joint>',
     "xyz must be three numbers, not '0 1'"),
    ('<link name="a"><visual><geometry><box size="1 2 tall"/></geometry></visual></link>',
     "size must be three numbers, not '1 2 tall'"),
    ('<link name="a"><visual><material><color rgba="1e999 0 0 1"/></material></visual></link>',
     'cannot convert float infinity')])
def test_a_urdf_that_cannot_be_drawn_is_refused(tmp_path, content, words):
    file = tmp_path / 'dog.urdf'
    file.write_text(f'<robot name="dog">{content}</robot>')
    with pytest.raises(ConfigError, match=f'dog.urdf is not a URDF that can be drawn: {words}'):
        scene.read(file)


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--urdf', 'none.urdf'], 'cannot read none.urdf'),
    (['--urdf', str(ROBOT_FILE)], 'is not a URDF that can be drawn'),
    (['--rate', '0'], '--rate must be from 2 to 100 Hz, not 0'),
    (['--port', '99999'], 'argument --port: must be from 0 to 65535, not 99999'),
])
def test_bad_options_are_refused(capsys, arguments, words):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    with pytest.raises((ConfigError, SystemExit)) as refusal:
        cli.main(parser.parse_args(arguments))
    assert words in f'{refusal.value} {capsys.readouterr().err}'


def test_an_address_that_cannot_be_had_is_refused(tmp_path):
    assert 'cannot serve on 192.0.2.1' in refused(tmp_path, 'dashboard', '--host', '192.0.2.1')


def test_a_file_of_the_present_folder_does_not_replace_a_module_of_python(
        tmp_path, monkeypatch, capfd):
    (tmp_path / 'http.py').write_text('raise SystemExit("this is not the http of Python")')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('BROWSER', 'true')
    with cli.beside([]):
        assert cli.ANNOUNCEMENT in capfd.readouterr().err
