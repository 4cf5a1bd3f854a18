using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Native;

/// <summary>
/// Finds out whether the convolutions of oneDNN, which libtorch takes for float32 on x64 processors, are right on this one, and does
/// without oneDNN where they are not.
/// </summary>
/// <remarks>
/// oneDNN compiles its kernels for the processor it meets. The one inside libtorch 2.10 (3.7.1) gives wrong numbers on some virtual
/// machines with AMD processors of family 26 (Zen 5): wherever channels do not fill a block of 16, the padding of the block is not zeroed, and
/// outputs and gradients take up what memory held before, NaN included. Nothing tells such a machine from a sound one but computing. What is
/// computed here are sums of small integers, which float32 holds exactly, so any difference from float64, for which oneDNN has no
/// kernels, is a fault. libtorch's own convolutions, which then take over, are slower.
/// </remarks>
internal static class ConvolutionCheck
{
    private const string Library = "libtorch_cpu.so";
    private static readonly Lazy<ConvolutionEngine> State = new(Choose);

    // Channels in and out that leave blocks partly empty, one block and more; and which of the engine's kernels they reach.
    private static readonly (int In, int Out, int Stride, bool Transposed)[] Cases =
        [(24, 40, 1, false), (24, 40, 2, true), (3, 6, 1, false), (10, 14, 1, true)];

    /// <summary>Checks the convolutions once a process. libtorch must be loadable (<see cref="TorchNative.EnsureLoaded"/>).</summary>
    /// <returns>What computes convolutions.</returns>
    /// <exception cref="TorchNativeException">They are wrong with oneDNN and without.</exception>
    public static ConvolutionEngine Ensure() => State.Value;

    private static ConvolutionEngine Choose()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return ConvolutionEngine.Standard;
        LeaveOutWarnings();
        if (AreRight())
            return ConvolutionEngine.Standard;
        if (!TryDisable() || !AreRight())
            throw new TorchNativeException("libtorch computes wrong convolutions on this processor, with its oneDNN kernels and without; fit and verify on another machine.");
        return ConvolutionEngine.WithoutOneDnn;
    }

    /// <summary>Whether outputs and gradients of a few convolutions are exact.</summary>
    internal static bool AreRight()
    {
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        Poison();
        return Cases.All(IsRight);
    }

    // Memory that is handed out again holds NaN, not the zeros of a young process.
    private static void Poison()
    {
        using var scope = NewDisposeScope();
        for (long count = 1 << 6; count <= 1 << 18; count *= 2)
            for (var i = 0; i < 4; i++)
                full([count], double.NaN, ScalarType.Float32);
    }

    private static bool IsRight((int In, int Out, int Stride, bool Transposed) one)
    {
        using var scope = NewDisposeScope();
        var x = Integers(2, one.In, 9, 9);
        var w = one.Transposed ? Integers(one.In, one.Out, 3, 3) : Integers(one.Out, one.In, 3, 3);
        var exact = Compute(one.Stride, one.Transposed, x, w, ScalarType.Float64);
        var single = Compute(one.Stride, one.Transposed, x, w, ScalarType.Float32);
        return exact.Zip(single).All(pair => pair.Second.to(ScalarType.Float64).Equals(pair.First));
    }

    // −3 … 3 in an order that repeats late, from no generator, whose state belongs to the program.
    private static Tensor Integers(params long[] shape)
    {
        var numbers = new double[shape.Aggregate(1L, (product, extent) => product * extent)];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = (i * 31L % 101 % 7) - 3;
        return tensor(numbers, shape);
    }

    private static Tensor[] Compute(int stride, bool transposed, Tensor x, Tensor w, ScalarType type)
    {
        var (input, weight) = (x.to(type, copy: true).requires_grad_(), w.to(type, copy: true).requires_grad_());
        long[] strides = [stride, stride];
        var y = transposed
            ? nn.functional.conv_transpose2d(input, weight, null, strides, [1, 1])
            : nn.functional.conv2d(input, weight, null, strides, [1, 1]);
        // The gradient of ½‖y‖²: integers still, below 2²⁴.
        var found = autograd.grad([y], [input, weight], [y.detach()]);
        return [y.detach(), .. found];
    }

    // Where NNPACK does not know the processor, as in many virtual machines, libtorch warns of it at every convolution, on the standard error.
    private static unsafe void LeaveOutWarnings()
    {
        const int Error = 2;
        if (TorchNative.Find("libc10.so") is { } path && NativeLibrary.TryLoad(path, out nint library) && NativeLibrary.TryGetExport(library, "FLAGS_caffe2_log_level", out nint level))
            *(int*)level = Error;
    }

    // torch.backends.mkldnn.enabled = False, which TorchSharp has no name for.
    private static unsafe bool TryDisable()
    {
        if (TorchNative.Find(Library) is not { } path
            || !NativeLibrary.TryLoad(path, out nint library)
            || !NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out nint context)
            || !NativeLibrary.TryGetExport(library, "_ZN2at7Context20setUserEnabledMkldnnEb", out nint set))
            return false;
        ((delegate* unmanaged<nint, byte, void>)set)(((delegate* unmanaged<nint>)context)(), 0);
        return true;
    }
}

/// <summary>What computes libtorch's float32 convolutions on the processor.</summary>
internal enum ConvolutionEngine
{
    /// <summary>What libtorch chooses, oneDNN on x64.</summary>
    Standard,

    /// <summary>libtorch's own kernels, since oneDNN's are wrong here.</summary>
    WithoutOneDnn,
}
