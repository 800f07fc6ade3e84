"""Where everything goes when the package is installed by colcon or pip."""

from glob import glob
from os.path import isfile

from setuptools import find_packages, setup

NAME = 'omni_agent'
NODES = ('camera', 'microphone', 'speaker', 'perception', 'decision', 'reaction')
SHARED = ('config', 'launch', 'models', 'models/licences', 'rviz', 'rqt', 'scenarios',
          'scenarios/assets')


def files(folder):
    return sorted(path for path in glob(f'{folder}/*') if isfile(path))


setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['**/*.html', '**/*.json', '**/*.css', '**/*.js']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        *((f'share/{NAME}/{folder}', files(folder)) for folder in SHARED if files(folder)),
    ],
    python_requires='>=3.10',
    install_requires=['setuptools'],
    zip_safe=False,
    maintainer='omni_agent maintainers',
    maintainer_email='maintainers@omni-agent.example',
    description='Eyes, ears and an interruptible voice for a robot',
    license='Apache-2.0',
    extras_require={'test': ['pytest', 'pytest-timeout', 'hypothesis']},
    entry_points={
        'console_scripts': [
            'omni-agent = omni_agent.cli.main:main',
            *(f'{node} = omni_agent.nodes.{node}:main' for node in NODES),
        ],
    },
)
