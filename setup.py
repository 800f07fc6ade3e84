"""Where everything goes when the package is installed by colcon or pip."""

from os import walk
from os.path import join

from setuptools import find_packages, setup

NAME = 'omni_agent'
NODES = ('camera', 'microphone', 'speaker', 'perception', 'decision', 'reaction')
OPTIONAL = ('window', 'bridges', 'skills', 'simulated_robot')
SHARED = ('config', 'launch', 'models', 'rviz', 'rqt', 'scenarios', 'window')


def shared():
    """(folder below share/, its files) for every folder of data that is not empty."""
    for top in SHARED:
        for folder, _, names in walk(top):
            files = [join(folder, name) for name in sorted(names) if not name.endswith('.pyc')]
            if files:
                yield f'share/{NAME}/{folder}', files


setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['**/*.html', '**/*.json', '**/*.css', '**/*.js']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        *shared(),
    ],
    python_requires='>=3.10',
    install_requires=['setuptools'],
    zip_safe=False,
    maintainer='omni_agent maintainers',
    maintainer_email='maintainers@omni-agent.example',
    description='Eyes, ears and an interruptible voice for a robot',
    license='Apache-2.0',
    extras_require={
        # All that runs here, where no rosdep brings it; requirements/ has the versions that were
        # tried. Later OpenCVs insist on numpy 2, and would take numpy 1 from a ROS that needs it.
        'run': ['hibari-tts', 'httpx', 'matplotlib', 'numpy', 'onnxruntime',
                'opencv-python-headless<4.12', 'psutil', 'pywebrtc-audio', 'PyYAML', 'rich',
                'rosbags>=0.11', 'scipy', 'sounddevice', 'soundfile', 'websockets>=15',
                'xllamacpp'],
        'test': ['pytest', 'pytest-timeout', 'hypothesis'],
        'watch': ['websockets>=15'],
        # a WebSocket for the Foxglove app, beside the page
        'foxglove': ['foxglove-sdk>=0.30'],
        # GeForce and RTX cards; Jetson brings its own
        'rtx': ['tensorrt-rtx>=1.7'],
        'open': ['tokenizers>=0.20'],                 # words for the optional text-image encoder
        'export': ['torch', 'onnx', 'onnxscript'],    # only to make ONNX files, never to run them
    },
    entry_points={
        'console_scripts': [
            'omni-agent = omni_agent.cli.main:main',
            *(f'{node} = omni_agent.nodes.{node}:main' for node in (*NODES, *OPTIONAL)),
            'bag_recorder = omni_agent.nodes.bag_recorder:main',
        ],
    },
)
