using OnnxPriors.Runtime.Steps;
using OnnxPriors.Runtime.Tests.Fixtures;

namespace OnnxPriors.Runtime.Tests.Steps;

[TestClass]
public sealed class FlatBufferTests
{
    [TestMethod]
    public unsafe void Memory_is_zeroed_and_aligned_to_256_bytes()
    {
        for (var length = 1; length < 2000; length += 333)
        {
            using var buffer = new FlatBuffer(length);
            fixed (float* start = buffer.Values)
                Assert.AreEqual(0, (nint)start % 256);
            Assert.IsTrue(buffer.Values.IndexOfAnyExcept(0f) < 0);
        }
    }

    [TestMethod]
    public void A_tensor_is_a_view_and_no_copy()
    {
        using var buffer = new FlatBuffer(128);
        using var tensor = buffer.Tensor(64, [2, 3]);
        buffer.Writable[64 + 5] = 7;
        Assert.AreEqual(7, tensor.GetTensorDataAsSpan<float>()[5]);
        tensor.GetTensorMutableDataAsSpan<float>()[0] = 3;
        Assert.AreEqual(3, buffer.Values[64]);
        Assert.AreSequenceEqual(new long[] { 2, 3 }, tensor.GetTensorTypeAndShape().Shape);
    }

    [TestMethod]
    public void A_tensor_outside_the_buffer_is_refused()
    {
        using var buffer = new FlatBuffer(128);
        foreach (var (offset, count) in new[] { (-1L, 2L), (127L, 2L), (0L, 129L), (129L, 0L), (0L, -1L) })
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => buffer.Tensor(offset, [count]), $"{offset}, {count}");
        buffer.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => buffer.Tensor());
        buffer.Dispose();
    }

    [TestMethod]
    public void A_mapped_file_is_read_only_and_of_the_length_asked_for()
    {
        using var temporary = new TemporaryFolder();
        File.WriteAllBytes(temporary["values.bin"], [0, 0, 128, 63, 0, 0, 0, 64]);
        using var buffer = FlatBuffer.Map(temporary["values.bin"], 2);
        Assert.AreSequenceEqual(new float[] { 1, 2 }, buffer.Values.ToArray());
        Assert.ThrowsExactly<InvalidOperationException>(() => buffer.Writable.Clear());
        Assert.Contains("8 bytes", Assert.ThrowsExactly<StepException>(() => FlatBuffer.Map(temporary["values.bin"], 3)).Message);
        Assert.ThrowsExactly<StepException>(() => FlatBuffer.Map(temporary["absent.bin"], 3));
    }
}
