"""A text-image encoder of SigLIP's shape, small enough to be made in a second: two transformer
towers with random weights from a seed, a tokenizer with a vocabulary of its own, and a head that
was fitted so that it knows colours.

What it is told of a picture is true, so that a test sees exchanged channels, wrong scaling or a
wrong token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np

SIDE, PATCH, WIDTH, HEADS, LAYERS, TOKENS, SIZE = 224, 32, 32, 4, 2, 64, 24
OPSET, IR = 17, 8
COLOURS = {
    'red': (40, 40, 220),
    'green': (40, 200, 40),
    'blue': (220, 60, 40),
    'white': (250, 250, 250),
    'black': (8, 8, 8),
    'yellow': (40, 220, 230)
}  # BGR
# from token 1 on, SigLIP's end
WORDS = ('</s>', '<unk>', 'this', 'is', 'a', 'photo', 'of', 'something', 'wall', *COLOURS)


def painted(colour: Sequence[int], seed: int, height: int = 120, width: int = 160) -> np.ndarray:
    """A picture of that colour: with noise, brighter and darker places, and a stripe of another
    one.
    """
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), colour, np.float64) * random.uniform(0.8, 1.1)
    image += random.normal(0, 12, image.shape) + random.normal(0, 6, (height, 1, 1))
    at = int(random.integers(0, width - 12))
    image[:, at:at + 12] = random.integers(0, 255, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


class Net:
    """Collects nodes and weights of one network."""

    def __init__(self, seed: int) -> None:
        from onnx import helper, numpy_helper
        self.random, self.helper, self.numpy = np.random.RandomState(seed), helper, numpy_helper
        self.nodes: list[object] = []
        self.kept: list[object] = []
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f't{self._count}'

    def keep(self, values: np.ndarray) -> str:
        name = self.name()
        self.kept.append(self.numpy.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, *shape: int) -> str:
        return self.keep((self.random.standard_normal(shape) /
                          np.sqrt(shape[-2] if len(shape) > 1 else 1)).astype(np.float32))

    def whole(self, *values: int) -> str:
        return self.keep(np.array(values, np.int64))

    def do(self, kind: str, *inputs: str, **attributes: object) -> str:
        output = self.name()
        self.nodes.append(self.helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def norm(self, x: str) -> str:
        return self.do('LayerNormalization', x, self.keep(np.ones(WIDTH, np.float32)),
                       self.keep(np.zeros(WIDTH, np.float32)), axis=-1)

    def dense(self, x: str, outputs: int = WIDTH, inputs: int = WIDTH) -> str:
        return self.do('MatMul', x, self.weight(inputs, outputs))

    def heads(self, x: str, perm: Sequence[int]) -> str:
        split = self.do('Reshape', x, self.whole(0, -1, HEADS, WIDTH // HEADS))
        return self.do('Transpose', split, perm=list(perm))

    def attention(self, query: str, x: str) -> str:
        q, k, v = (self.heads(self.dense(one), perm) for one, perm in
                   ((query, (0, 2, 1, 3)), (x, (0, 2, 3, 1)), (x, (0, 2, 1, 3))))
        scaled = self.do('Mul', self.do('MatMul', q, k),
                         self.keep(np.float32(1 / np.sqrt(WIDTH // HEADS))))
        mixed = self.do('MatMul', self.do('Softmax', scaled, axis=-1), v)
        joined = self.do('Reshape', self.do('Transpose', mixed, perm=[0, 2, 1, 3]),
                         self.whole(0, -1, WIDTH))
        return self.dense(joined)

    def layers(self, x: str) -> str:
        for _ in range(LAYERS):
            normal = self.norm(x)
            x = self.do('Add', x, self.attention(normal, normal))
            hidden = self.do('Tanh', self.dense(self.norm(x), 2 * WIDTH))
            x = self.do('Add', x, self.dense(hidden, WIDTH, 2 * WIDTH))
        return self.norm(x)

    def save(self, path: Path, entrance: object, hidden: str, pooled: str) -> None:
        from onnx import TensorProto, checker
        for source, target in ((hidden, 'last_hidden_state'), (pooled, 'pooler_output')):
            self.nodes.append(self.helper.make_node('Identity', [source], [target]))
        ends = [
            self.helper.make_tensor_value_info('last_hidden_state', TensorProto.FLOAT,
                                               ['n', 'tokens', WIDTH]),
            self.helper.make_tensor_value_info('pooler_output', TensorProto.FLOAT, ['n', SIZE])
        ]
        graph = self.helper.make_graph(self.nodes, 'tower', [entrance], ends, self.kept)
        made = self.helper.make_model(graph, opset_imports=[self.helper.make_opsetid('', OPSET)],
                                      ir_version=IR)
        checker.check_model(made, full_check=True)
        path.write_bytes(made.SerializeToString())


def text_tower(path: Path, seed: int = 11) -> None:
    from onnx import TensorProto
    net = Net(seed)
    words = net.do('Gather', net.weight(len(WORDS) + 20, WIDTH), 'input_ids')
    hidden = net.layers(net.do('Add', words, net.weight(TOKENS, WIDTH)))
    pooled = net.dense(net.do('ReduceMean', hidden, axes=[1], keepdims=0), SIZE)
    net.save(path,
             net.helper.make_tensor_value_info('input_ids', TensorProto.INT64, ['n', 'tokens']),
             hidden, pooled)


def image_tower(path: Path, head: np.ndarray | None = None, seed: int = 12) -> None:
    """``head``: (2 * WIDTH + 1, SIZE), from its features and a one to the shared space; random
    without.
    """
    from onnx import TensorProto
    net = Net(seed)
    patches = net.do('Conv', 'pixel_values', net.weight(WIDTH, 3, PATCH, PATCH),
                     kernel_shape=[PATCH] * 2, strides=[PATCH] * 2)
    rows = net.do('Transpose', net.do('Reshape', patches, net.whole(0, WIDTH, -1)), perm=[0, 2, 1])
    small = net.do('Mul', rows, net.keep(np.float32(1 / PATCH)))
    hidden = net.layers(net.do('Add', small, net.weight((SIDE // PATCH) ** 2, WIDTH)))
    mean = net.do('Concat', net.do('ReduceMean', small, axes=[1], keepdims=0),
                  net.do('ReduceMean', hidden, axes=[1], keepdims=0), axis=1)
    if head is None:
        pooled = net.dense(mean, SIZE, 2 * WIDTH)
    else:
        pooled = net.do('Add', net.do('MatMul', mean, net.keep(head[:-1])), net.keep(head[-1]))
    entrance = net.helper.make_tensor_value_info('pixel_values', TensorProto.FLOAT,
                                                 ['n', 3, 'height', 'width'])
    net.nodes.append(net.helper.make_node('Identity', [mean], ['features']))
    net.save(path, entrance, hidden, pooled)


def tokenizer(path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    vocabulary = {word: at for at, word in enumerate(('<pad>', *WORDS))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token='<unk>'))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(path))


def make(folder: Path) -> Path:
    """All three files of ``open_vocabulary`` in ``folder``; the head is fitted to pictures of
    seeds below 100.
    """
    import onnxruntime as ort

    from omni_agent.backends.open_vocabulary import IMAGE, TEXT, TOKENIZER, OpenVocabulary, describing
    tokenizer(folder / TOKENIZER)
    text_tower(folder / TEXT)
    image_tower(folder / IMAGE)
    raw = OpenVocabulary(folder=folder)
    session = ort.InferenceSession(with_features(folder / IMAGE),
                                   providers=['CPUExecutionProvider'])
    shown = [(name, painted(colour, seed)) for name, colour in COLOURS.items()
             for seed in range(12)]
    pixels = np.stack([raw._pixels(image) for _, image in shown])
    features = session.run(['features'], {'pixel_values': pixels})[0]
    texts = raw.texts([describing(f'something {name}') for name in COLOURS])
    wanted = np.stack([texts[list(COLOURS).index(name)] - texts.mean(axis=0) for name, _ in shown])
    rows = np.column_stack([features, np.ones(len(features))])
    head = np.linalg.solve(rows.T @ rows + 1e-2 * np.eye(rows.shape[1]), rows.T @ wanted)
    raw.close()
    image_tower(folder / IMAGE, head.astype(np.float32))
    return folder


def with_features(path: Path) -> bytes:
    """The network with what its head sees as one more output."""
    import onnx
    model = onnx.load(str(path))
    model.graph.output.append(
        onnx.helper.make_tensor_value_info('features', onnx.TensorProto.FLOAT, ['n', 2 * WIDTH]))
    return model.SerializeToString()
