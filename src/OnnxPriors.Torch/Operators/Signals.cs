using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Fourier transforms and windows.</summary>
internal static class Signals
{
    public static OperatorTable Table { get; } = new()
    {
        { "DFT", Fourier },
        { "STFT", ShortTimeFourier },
        { "HannWindow", c => CosineWindow(c, 0.5, 0.5, 0) },
        { "HammingWindow", c => CosineWindow(c, 25.0 / 46, 21.0 / 46, 0) },
        { "BlackmanWindow", c => CosineWindow(c, 0.42, 0.5, 0.08) },
        { "MelWeightMatrix", MelWeights },
    };

    private static Tensor CosineWindow(Call call, double a0, double a1, double a2)
    {
        long size = call.Integer(0), period = call.Attributes.Flag("periodic", true) ? size : size - 1;
        var phase = arange(size, ScalarType.Float64, call.Engine.Device) * (2 * Math.PI / Math.Max(period, 1));
        var window = a0 - a1 * phase.cos() + a2 * (2 * phase).cos();
        return window.to(call.Engine.TypeOf((ElementType)call.Attributes.Int("output_datatype", (long)ElementType.Float)));
    }

    // x […, 1] real or […, 2] complex → […, 2]. The axis is an attribute at opset 17 and an input from 20 on.
    private static Tensor Fourier(Call call)
    {
        var x = call[0];
        int rank = (int)x.dim();
        int axis = call.Has(2) ? call.Axis(call.Integer(2), rank) : call.Axis(rank, call.Count > 2 ? -2 : 1, "axis");
        bool inverse = call.Attributes.Flag("inverse"), oneSided = call.Attributes.Flag("onesided");
        var source = x.shape[^1] == 2 ? x.contiguous().view_as_complex() : x.squeeze(-1);
        long length = call.Has(1) ? call.Integer(1) : source.shape[axis];
        var result = inverse ? fft.ifft(source, length, axis) : fft.fft_(source, length, axis);
        if (oneSided) result = result.narrow(axis, 0, length / 2 + 1);
        return result.resolve_conj().view_as_real();
    }

    // signal [N, L, 1 or 2] → [N, frames, bins, 2].
    private static Tensor ShortTimeFourier(Call call)
    {
        var x = call[0];
        long step = call.Integer(1), length = call.Has(3) ? call.Integer(3) : call[2].shape[0];
        bool complex = x.dim() == 3 && x.shape[2] == 2;
        var source = complex ? x.contiguous().view_as_complex() : x.dim() == 3 ? x.squeeze(-1) : x;
        var frames = source.unfold(1, length, step);
        if (call.Optional(2) is { } window)
        {
            // A window shorter than the frame is centred in it.
            long before = (length - window.shape[0]) / 2;
            frames = frames * nn.functional.pad(window, [before, length - window.shape[0] - before]);
        }
        var result = fft.fft_(frames, length, -1);
        if (call.Attributes.Flag("onesided", true) && !complex) result = result.narrow(2, 0, length / 2 + 1);
        return result.resolve_conj().view_as_real();
    }

    private static Tensor MelWeights(Call call)
    {
        long bins = call.Integer(0), length = call.Integer(1), rate = call.Integer(2);
        double low = Mel(call.Reals(3)[0]), high = Mel(call.Reals(4)[0]);
        long rows = length / 2 + 1;
        long[] edges = [.. Enumerable.Range(0, (int)bins + 2).Select(i =>
            (long)((length + 1) * (700 * (Math.Pow(10, (low + i * ((high - low) / (bins + 2))) / 2595) - 1)) / rate))];
        var weights = new double[rows * bins];
        for (var i = 0; i < bins; i++)
        {
            var (left, centre, right) = (edges[i], edges[i + 1], edges[i + 2]);
            if (left == centre) Set(centre, i, 1);
            else
                for (long j = left; j <= centre; j++) Set(j, i, (double)(j - left) / (centre - left));
            if (right > centre)
                for (long j = centre; j < right; j++) Set(j, i, (double)(right - j) / (right - centre));
        }
        var kind = call.Engine.TypeOf((ElementType)call.Attributes.Int("output_datatype", (long)ElementType.Float));
        return tensor(weights, [rows, bins], kind, call.Engine.Device);

        static double Mel(double hertz) => 2595 * Math.Log10(1 + hertz / 700);

        void Set(long row, int column, double value)
        {
            if (row < rows) weights[row * bins + column] = value;
        }
    }
}
