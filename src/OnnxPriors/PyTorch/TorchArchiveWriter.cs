using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using OnnxPriors.Priors;

namespace OnnxPriors.PyTorch;

/// <summary>Fills a tensor's numbers from an element on, in row-major order.</summary>
/// <param name="start">The first element.</param>
/// <param name="values">Filled from there on.</param>
public delegate void FillTensor(long start, Span<float> values);

/// <summary>
/// Writes files that <c>torch.load</c> reads, also with <c>weights_only=True</c>: one tensor, or an ordered dictionary of them. The numbers are
/// asked for in pieces; the file appears whole or not at all, and the same tensors give the same bytes.
/// </summary>
public static class TorchArchiveWriter
{
    private const string Prefix = "archive/";

    // A zip begins its calendar here.
    private static readonly DateTimeOffset Date = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes one tensor of float32.</summary>
    /// <param name="path">The file.</param>
    /// <param name="shape">The tensor's dimensions.</param>
    /// <param name="fill">Its numbers.</param>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public static void WriteTensor(string path, ImmutableArray<long> shape, FillTensor fill)
    {
        using var pickle = new PickleWriter();
        pickle.Tensor(0, shape, isInteger: false);
        Write(path, pickle.Finish(), [(new TensorShape("", shape), fill)]);
    }

    /// <summary>Writes a state dictionary: tensors of float32 by their names, in their order. One without numbers becomes a scalar 0 of int64, as PyTorch's <c>num_batches_tracked</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Name, dimensions and numbers of each.</param>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public static void WriteDictionary(string path, IReadOnlyList<(TensorShape Shape, FillTensor? Fill)> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using var pickle = new PickleWriter();
        pickle.BeginDictionary();
        for (var i = 0; i < tensors.Count; i++)
        {
            pickle.Text(tensors[i].Shape.Name);
            pickle.Tensor(i, tensors[i].Shape.Shape, isInteger: tensors[i].Fill is null);
        }
        pickle.EndDictionary();
        Write(path, pickle.Finish(), tensors);
    }

    private static void Write(string path, byte[] pickle, IReadOnlyList<(TensorShape Shape, FillTensor? Fill)> tensors)
    {
        using var file = AtomicFile.Create(path);
        using (var zip = new ZipArchive(file.Stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Entry("data.pkl", stream => stream.Write(pickle));
            Entry("byteorder", stream => stream.Write("little"u8));
            for (var i = 0; i < tensors.Count; i++)
            {
                var (shape, fill) = tensors[i];
                Entry($"data/{i.ToString(CultureInfo.InvariantCulture)}", stream =>
                {
                    if (fill is null)
                        stream.Write(new byte[sizeof(long)]);
                    else
                        Fill(stream, shape.Count, fill);
                });
            }
            Entry("version", stream => stream.Write("3\n"u8));

            void Entry(string name, Action<Stream> write)
            {
                var entry = zip.CreateEntry(Prefix + name, CompressionLevel.NoCompression);
                entry.LastWriteTime = Date;
                using var stream = entry.Open();
                write(stream);
            }
        }
        file.Commit();
    }

    private static void Fill(Stream stream, long count, FillTensor fill)
    {
        var values = new float[Math.Min(count, 1 << 16)];
        for (var start = 0L; start < count; start += values.Length)
        {
            var piece = values.AsSpan(0, (int)Math.Min(values.Length, count - start));
            fill(start, piece);
            stream.Write(MemoryMarshal.AsBytes(piece));
        }
    }

    /// <summary>Writes the pickle, protocol 2.</summary>
    private sealed class PickleWriter : IDisposable
    {
        private readonly MemoryStream bytes = new();

        public PickleWriter() => bytes.Write([0x80, 2]);

        public void BeginDictionary() => bytes.Write("ccollections\nOrderedDict\n)R("u8);

        public void EndDictionary() => bytes.WriteByte((byte)'u');

        public void Text(string text)
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            bytes.WriteByte((byte)'X');
            Int32(utf8.Length);
            bytes.Write(utf8);
        }

        /// <summary>_rebuild_tensor_v2(storage, offset 0, shape, strides, requires_grad False, no hooks).</summary>
        public void Tensor(int key, ImmutableArray<long> shape, bool isInteger)
        {
            var count = shape.Aggregate(1L, (product, extent) => product * extent);
            bytes.Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
            Text("storage");
            bytes.Write(isInteger ? "ctorch\nLongStorage\n"u8 : "ctorch\nFloatStorage\n"u8);
            Text(key.ToString(CultureInfo.InvariantCulture));
            Text("cpu");
            Whole(count);
            bytes.Write("tQ"u8);
            Whole(0);
            Tuple(shape);
            var strides = new long[shape.Length];
            for (var (axis, stride) = (shape.Length - 1, 1L); axis >= 0; stride *= Math.Max(1, shape[axis--]))
                strides[axis] = stride;
            Tuple([.. strides]);
            bytes.WriteByte(0x89);
            bytes.Write("ccollections\nOrderedDict\n)RtR"u8);
        }

        public byte[] Finish()
        {
            bytes.WriteByte((byte)'.');
            return bytes.ToArray();
        }

        public void Dispose() => bytes.Dispose();

        private void Tuple(ImmutableArray<long> values)
        {
            bytes.WriteByte((byte)'(');
            foreach (var value in values)
                Whole(value);
            bytes.WriteByte((byte)'t');
        }

        private void Whole(long value)
        {
            if (value <= int.MaxValue)
            {
                bytes.WriteByte((byte)'J');
                Int32((int)value);
                return;
            }
            bytes.Write([0x8a, sizeof(long)]);
            Span<byte> little = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(little, value);
            bytes.Write(little);
        }

        private void Int32(int value)
        {
            Span<byte> little = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(little, value);
            bytes.Write(little);
        }
    }
}
