using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators over quantised integers, computed in exact floating point between the integers.</summary>
internal static class Quantisation
{
    public static OperatorTable Table { get; } = new()
    {
        { "QuantizeLinear", c => Quantised(c[0], Along(c, c[1], c[0]), c.Optional(2) is { } zero ? Along(c, zero, c[0]) : null, ZeroType(c, 2)) },
        { "DequantizeLinear", c => Dequantised(c[0], Along(c, c[1], c[0]), c.Optional(2) is { } zero ? Along(c, zero, c[0]) : null).to(c[1].dtype) },
        { "DynamicQuantizeLinear", DynamicQuantize },
        { "MatMulInteger", c => Products.Multiply(Centred(c[0], c.Optional(2), rows: true), Centred(c[1], c.Optional(3), rows: false)).to(ScalarType.Int32) },
        { "ConvInteger", c => Convolution.Convolve(c, Centred(c[0], c.Optional(2), rows: false), c[1].to(ScalarType.Float64) - OutputChannels(c.Optional(3), c[1]), null).to(ScalarType.Int32) },
        { "QLinearMatMul", c => Quantised(Products.Multiply(Dequantised(c[0], c[1], c[2]), Dequantised(c[3], c[4], c[5])), c[6], c[7], ZeroType(c, 7)) },
        { "QLinearConv", QuantisedConvolution },
    };

    private static ElementType ZeroType(Call call, int input) =>
        call.Node.TryInput(input) is { } zero
            ? zero.Type != ElementType.Undefined ? zero.Type : call[input].dtype == ScalarType.Int8 ? ElementType.Int8 : ElementType.UInt8
            : (ElementType)call.Attributes.Int("output_dtype", (long)ElementType.UInt8);

    /// <summary>A scale or zero point of one element, or one for each slice along the node's axis, shaped to broadcast with x.</summary>
    private static Tensor Along(Call call, Tensor parameter, Tensor x)
    {
        if (parameter.numel() == 1) return parameter.reshape();
        if (call.Attributes.Int("block_size") != 0) throw call.Unsupported("quantisation in blocks");
        int axis = call.Axis(x.dim(), 1, "axis");
        long[] shape = [.. Enumerable.Range(0, (int)x.dim()).Select(a => a == axis ? -1L : 1L)];
        return parameter.reshape(shape);
    }

    private static Tensor Quantised(Tensor x, Tensor scale, Tensor? zero, ElementType type)
    {
        var (low, high, kind) = type switch
        {
            ElementType.UInt8 => (0, 255, ScalarType.Byte),
            ElementType.Int8 => (-128, 127, ScalarType.Int8),
            ElementType.UInt16 => (0, 65535, ScalarType.Int32),
            ElementType.Int16 => (-32768, 32767, ScalarType.Int16),
            _ => throw new UnsupportedOperatorException($"The TorchSharp module does not quantise to {type}."),
        };
        var rounded = (x / scale).round();
        if (zero is not null) rounded = rounded + zero;
        return rounded.clamp(low, high).to(kind);
    }

    private static Tensor Dequantised(Tensor x, Tensor scale, Tensor? zero)
    {
        var wide = x.to(ScalarType.Float64);
        if (zero is not null) wide = wide - zero;
        return wide * scale;
    }

    private static Tensor?[] DynamicQuantize(Call call)
    {
        var x = call[0];
        var origin = zeros([], x.dtype, x.device);
        var (low, high) = (x.min().minimum(origin), x.max().maximum(origin));
        var scale = (high - low) / 255;
        var zero = (-low / where(scale == 0, ones_like(scale), scale)).round().clamp(0, 255);
        return [Quantised(x, scale, zero, ElementType.UInt8), scale, zero.to(ScalarType.Byte)];
    }

    private static Tensor Centred(Tensor x, Tensor? zero, bool rows)
    {
        var wide = x.to(ScalarType.Float64);
        if (zero is null) return wide;
        return wide - (rows && zero.dim() == 1 && zero.numel() > 1 ? zero.unsqueeze(1) : zero);
    }

    private static Tensor OutputChannels(Tensor? parameter, Tensor w)
    {
        if (parameter is null) return zeros([], ScalarType.Float64, w.device);
        if (parameter.numel() == 1) return parameter.reshape().to(ScalarType.Float64);
        long[] shape = [-1, .. Enumerable.Repeat(1L, (int)w.dim() - 1)];
        return parameter.reshape(shape).to(ScalarType.Float64);
    }

    private static Tensor QuantisedConvolution(Call call)
    {
        var x = Dequantised(call[0], call[1], call[2]);
        var w = (call[3].to(ScalarType.Float64) - OutputChannels(call[5], call[3])) * OutputChannels(call[4], call[3]);
        var bias = call.Optional(8) is { } b ? b.to(ScalarType.Float64) * call[1] * call[4] : null;
        return Quantised(Convolution.Convolve(call, x, w, bias), call[6], call[7], ZeroType(call, 7));
    }
}
