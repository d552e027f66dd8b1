"""Writes further networks beside those of `export.py`, in the same way: what it says of FOLDER holds.

usage: python networks.py FOLDER [NAME ...]     under Python 3.8 with MXNet 1.9.1; names in CV need gluoncv too
"""

import export
import mxnet as mx
from mxnet.name import Prefix

IMAGE = (3, 224, 224)
VIDEO = (3, 16, 112, 112)
ZOO = ("mobilenet1.0", "mobilenet0.25", "resnet18_v2", "resnet50_v2", "densenet161", "vgg16", "alexnet",
       "squeezenet1.0")
CV = ("mobilenetv3_large", "mobilenetv3_small", "resnext50_32x4d", "shufflenet_v1", "shufflenet_v2", "se_resnet50_v1",
      "googlenet", "xception", "resnest50", "nasnet_4_1056", "dla34", "residualattentionnet56")
CV_OTHER = {"cifar_resnet56_v2": (3, 32, 32), "cifar_resnext29_16x64d": (3, 32, 32), "hrnet_w18_small_v1_c": IMAGE,
            "simple_pose_resnet18_v1b": (3, 256, 192), "i3d_inceptionv1_kinetics400": VIDEO,
            "r2plus1d_resnet18_kinetics400": (3, 8, 112, 112), "p3d_resnet50_kinetics400": VIDEO}
BATCHES_OF_8 = ("resnet18_v1", "densenet121", "squeezenet1.1", "mobilenet1.0")
# MXNet's exporter refuses them
WITHOUT_TWIN = ("shufflenet_v1", "shufflenet_v2", "tcn", "wavenet", "c3d", "gru", "gru_b32")


def conv(net, filters, kernel=3, stride=1, groups=1, dilate=1, rank=2, **options):
    """As large as its input, less the stride."""
    pad = (kernel - 1) * dilate // 2
    return mx.sym.Convolution(net, kernel=(kernel,) * rank, stride=(stride,) * rank, pad=(pad,) * rank,
                              dilate=(dilate,) * rank, num_filter=filters, num_group=groups, **options)


def relu(net):
    return mx.sym.Activation(net, act_type="relu")


def leaky(net):
    return mx.sym.LeakyReLU(net, act_type="leaky", slope=0.1)


def swish(net):
    return net * mx.sym.sigmoid(net)


def normed(net, filters, *window, activation=relu, **options):
    """Convolution, BatchNorm, activation."""
    return activation(mx.sym.BatchNorm(conv(net, filters, *window, no_bias=True, **options), fix_gamma=False))


def halved(net):
    return mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max")


def unet(width=32):
    """Down to a sixteenth and up again by transposed convolutions, joined with what came down."""
    net, sides = mx.sym.Variable("data"), []
    for filters in (width, 2 * width, 4 * width, 8 * width):
        sides.append(normed(normed(net, filters), filters))
        net = halved(sides[-1])
    net = normed(normed(net, 16 * width), 16 * width)
    for side, filters in zip(reversed(sides), (8 * width, 4 * width, 2 * width, width)):
        up = mx.sym.Deconvolution(net, kernel=(2, 2), stride=(2, 2), num_filter=filters, no_bias=False)
        net = normed(normed(mx.sym.Concat(side, up, dim=1), filters), filters)
    return mx.sym.sigmoid(conv(net, 2, 1)), {"data": (1, 3, 256, 256)}


def dcgan(batch):
    """The generator of 64x64 images."""
    net = mx.sym.Variable("data")
    for filters, stride, pad in ((512, 1, 0), (256, 2, 1), (128, 2, 1), (64, 2, 1)):
        net = mx.sym.Deconvolution(net, kernel=(4, 4), stride=(stride, stride), pad=(pad, pad), num_filter=filters,
                                   no_bias=True)
        net = relu(mx.sym.BatchNorm(net, fix_gamma=False))
    net = mx.sym.Deconvolution(net, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=3, no_bias=True)
    return mx.sym.tanh(net), {"data": (batch, 100, 1, 1)}


STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
          (6, 3, 1, 320, 1))     # factor of the width inside, kernel, stride, filters, blocks


def efficientnet(batch):
    """B0: inverted bottlenecks, gates of squeezed channels, swish."""
    net, width = normed(mx.sym.Variable("data"), 32, 3, 2, activation=swish), 32
    for factor, kernel, stride, filters, count in STAGES:
        for step in [stride] + [1] * (count - 1):
            inner = factor * width
            wide = normed(net, inner, 1, activation=swish) if factor > 1 else net
            wide = normed(wide, inner, kernel, step, groups=inner, activation=swish)
            gate = mx.sym.Pooling(wide, global_pool=True, pool_type="avg", kernel=(1, 1))
            gate = mx.sym.sigmoid(conv(swish(conv(gate, width // 4, 1)), inner, 1))
            out = normed(mx.sym.broadcast_mul(wide, gate), filters, 1, activation=lambda x: x)
            net, width = (out + net if step == 1 and filters == width else out), filters
    net = mx.sym.Pooling(normed(net, 1280, 1, activation=swish), global_pool=True, pool_type="avg", kernel=(1, 1))
    return mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=1000), {"data": (batch,) + IMAGE}


def causal(net, filters, kernel, dilate, steps):
    net = mx.sym.Convolution(net, kernel=(kernel,), pad=((kernel - 1) * dilate,), dilate=(dilate,), num_filter=filters)
    return mx.sym.slice_axis(net, axis=2, begin=0, end=steps)


def tcn(steps=1024, filters=128):
    """Pairs of causal convolutions, each pair twice as far apart as the one before."""
    net = mx.sym.Variable("data")
    for level in range(8):
        inner = net
        for _ in range(2):
            inner = relu(causal(inner, filters, 3, 1 << level, steps))
        net = relu(inner + (net if level else conv(net, filters, 1, rank=1)))
    last = mx.sym.SequenceLast(mx.sym.transpose(net, axes=(2, 0, 1)))
    return mx.sym.FullyConnected(last, num_hidden=10), {"data": (1, 32, steps)}


def wavenet(steps=2048, filters=64):
    """Gated causal convolutions, whose contributions are added up."""
    net, parts = conv(mx.sym.Variable("data"), filters, 1, rank=1), []
    for level in range(10):
        value, gate = mx.sym.split(causal(net, 2 * filters, 2, 1 << level, steps), num_outputs=2, axis=1)
        gated = mx.sym.tanh(value) * mx.sym.sigmoid(gate)
        parts.append(conv(gated, filters, 1, rank=1))
        net = net + conv(gated, filters, 1, rank=1)
    out = conv(relu(mx.sym.add_n(*parts)), 256, 1, rank=1)
    return conv(relu(out), 256, 1, rank=1), {"data": (1, 256, steps)}


def yolo3(size=320):
    """Darknet-53 and its three heads."""
    net, levels = normed(mx.sym.Variable("data"), 32, activation=leaky), []
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        net = normed(net, filters, 3, 2, activation=leaky)
        for _ in range(count):
            net = net + normed(normed(net, filters // 2, 1, activation=leaky), filters, activation=leaky)
        levels.append(net)
    heads, net = [], None
    for level, filters in zip(reversed(levels[2:]), (512, 256, 128)):
        if net is not None:
            up = mx.sym.UpSampling(normed(net, filters, 1, activation=leaky), scale=2, sample_type="nearest")
            level = mx.sym.Concat(up, level, dim=1)
        net = level
        for _ in range(2):
            net = normed(normed(net, filters, 1, activation=leaky), 2 * filters, activation=leaky)
        net = normed(net, filters, 1, activation=leaky)
        heads.append(mx.sym.Flatten(conv(normed(net, 2 * filters, activation=leaky), 255, 1)))
    return mx.sym.Concat(*heads, dim=1), {"data": (1, 3, size, size)}


def c3d():
    """Convolutions of three dimensions."""
    net = mx.sym.Variable("data")
    for filters, pool in ((64, (1, 2, 2)), (128, (2, 2, 2)), (256, (1, 1, 1)), (256, (2, 2, 2)), (512, (2, 2, 2))):
        net = mx.sym.Pooling(relu(conv(net, filters, rank=3)), kernel=pool, stride=pool, pool_type="max")
    return mx.sym.FullyConnected(net, num_hidden=487), {"data": (1,) + VIDEO}


def ssd(size=300, classes=21):
    """VGG-16 with the heads of a detector at six scales; what is decoded from them is left out."""
    def several(net, filters, count):
        for _ in range(count):
            net = relu(conv(net, filters))
        return net

    net = several(mx.sym.Variable("data"), 64, 2)
    for filters, count in ((128, 2), (256, 3), (512, 3)):
        net = several(halved(net), filters, count)
    scales = [net]
    net = mx.sym.Pooling(several(halved(net), 512, 3), kernel=(3, 3), pad=(1, 1), pool_type="max")
    scales.append(relu(conv(relu(conv(net, 1024, dilate=6)), 1024, 1)))
    for inner, filters in ((256, 512), (128, 256), (128, 256), (128, 256)):
        scales.append(relu(conv(relu(conv(scales[-1], inner, 1)), filters, 3, 2)))
    heads = [mx.sym.Flatten(mx.sym.transpose(conv(scale, boxes * count), axes=(0, 2, 3, 1)))
             for scale, boxes in zip(scales, (4, 6, 6, 6, 4, 4)) for count in (classes, 4)]
    return mx.sym.Concat(*heads, dim=1), {"data": (1, 3, size, size)}


def text_cnn(batch=8, words=50, width=128, filters=100):
    """Windows of three to five words, of each filter the strongest answer."""
    net = mx.sym.reshape(mx.sym.Variable("data"), shape=(batch, 1, words, width))
    found = [mx.sym.Pooling(relu(mx.sym.Convolution(net, kernel=(size, width), num_filter=filters)),
                            kernel=(words - size + 1, 1), pool_type="max") for size in (3, 4, 5)]
    return mx.sym.FullyConnected(mx.sym.Flatten(mx.sym.Concat(*found, dim=1)), num_hidden=2), {
        "data": (batch, words, width)}


def gru(batch, steps, inputs, hidden=256, layers=2):
    state = mx.sym.zeros((layers, batch, hidden))
    out = mx.sym.RNN(mx.sym.Variable("data"), mx.sym.Variable("rnn_parameters"), state, state_size=hidden,
                     num_layers=layers, mode="gru", name="rnn")
    return out, {"data": (steps, batch, inputs)}


def face_resnet(units=(3, 4, 6, 3)):
    """The ResNet-34 of face recognition: BatchNorm in front of each block, PReLU, a vector of 512 numbers."""
    def prelu(value):
        return mx.sym.LeakyReLU(value, act_type="prelu")

    def norm(value):
        return mx.sym.BatchNorm(value, fix_gamma=False)

    net = normed(mx.sym.Variable("data"), 64, activation=prelu)
    for count, filters in zip(units, (64, 128, 256, 512)):
        for stride in [2] + [1] * (count - 1):
            inner = norm(conv(normed(norm(net), filters, activation=prelu), filters, 3, stride, no_bias=True))
            net = inner + (net if stride == 1 else norm(conv(net, filters, 1, stride, no_bias=True)))
    return norm(mx.sym.FullyConnected(mx.sym.Flatten(norm(net)), num_hidden=512)), {"data": (1, 3, 112, 112)}


def dilated_pyramid(channels=1024, filters=256, size=33):
    """The head of DeepLab: windows dilated by 6, 12 and 18 side by side."""
    net = mx.sym.Variable("data")
    parts = [normed(net, filters, 1), *(normed(net, filters, dilate=dilate) for dilate in (6, 12, 18))]
    return conv(normed(mx.sym.Concat(*parts, dim=1), filters, 1), 21, 1), {"data": (1, channels, size, size)}


def one_relu():
    """Next to nothing: the time is that of a call."""
    return relu(mx.sym.Variable("data")), {"data": (1, 4)}


def of_gluoncv(name, image, batch=1):
    from gluoncv.model_zoo import get_model  # here, for networks of others need no gluoncv

    net = get_model(name, **({} if image[1:] == (32, 32) or name in CV else {"pretrained_base": False}))
    net.initialize()
    net.hybridize()
    with mx.autograd.predict_mode():
        out = net(mx.sym.Variable("data"))
    return (out[0] if isinstance(out, (list, tuple)) else out), {"data": (batch,) + image}


NETWORKS = {
    "one_relu": one_relu, "unet": unet,
    "dcgan": lambda: dcgan(1), "dcgan_b8": lambda: dcgan(8), "efficientnet_b0": lambda: efficientnet(1),
    "efficientnet_b0_b8": lambda: efficientnet(8), "tcn": tcn, "wavenet": wavenet, "yolo3": yolo3, "c3d": c3d,
    "ssd300": ssd, "text_cnn": text_cnn, "face_resnet34": face_resnet, "dilated_pyramid": dilated_pyramid,
    "gru": lambda: gru(1, 50, 128), "gru_b32": lambda: gru(32, 20, 256),
    "bert_base_2": lambda: export.bert(2, 128, 768, 12, 3072), "bert_small": lambda: export.bert(4, 32, 256, 4, 1024),
    **{name: (lambda name=name: export.zoo(name)) for name in ZOO},
    **{name + "_b8": (lambda name=name: export.zoo(name, 8)) for name in BATCHES_OF_8},
    **{name: (lambda name=name: of_gluoncv(name, IMAGE)) for name in CV},
    **{name: (lambda name=name, image=image: of_gluoncv(name, image)) for name, image in CV_OTHER.items()},
    "resnext50_32x4d_b8": lambda: of_gluoncv("resnext50_32x4d", IMAGE, 8)}


if __name__ == "__main__":
    export.NETWORKS, export.TRAINING = NETWORKS, {}
    export.WITHOUT_TWIN = WITHOUT_TWIN
    with Prefix("layer_"):
        export.main()
