using System.Collections.Immutable;
using OnnxPriors.Graphs;
using Field = OnnxPriors.Artifacts.OrtTraining.FlatBufferWriter.Field;
using Table = OnnxPriors.Artifacts.OrtTraining.FlatBufferReader.Table;

namespace OnnxPriors.Artifacts.OrtTraining;

/// <summary>
/// Reads and writes checkpoints of the ORT Training API: a FlatBuffer with the identifier <c>ODTC</c>, its slots as the runtime's
/// schema numbers them. Past a given size the tensors' bytes stand in <c>NAME.data</c> beside the file, as runtimes from 1.18 on read them.
/// </summary>
public static class TrainingCheckpointFile
{
    /// <summary>The bytes of tensors from which on they go to a file of their own; a FlatBuffer ends at two gigabytes.</summary>
    public const long LargestInside = 1_900_000_000;

    // Smaller tensors stay in the FlatBuffer, and the others begin at multiples of this.
    private const int SmallestOutside = 64;

    private static ReadOnlySpan<byte> Identifier => "ODTC"u8;

    /// <summary>Writes a checkpoint; the file appears whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="checkpoint">What to write; its tensors are read one after the other.</param>
    /// <param name="largestInside">The bytes of tensors from which on they go to <c>PATH.data</c>.</param>
    /// <exception cref="ArtifactException">The format's version cannot hold so much.</exception>
    /// <exception cref="IOException">The file cannot be written, or the disk is full.</exception>
    public static void Write(string path, TrainingCheckpoint checkpoint, long largestInside = LargestInside)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var total = checkpoint.Tensors.Sum(t => t.Bytes);
        var isOutside = total > largestInside;
        if (isOutside && checkpoint.Version < 2)
            throw new ArtifactException($"The checkpoint's tensors take {total} bytes; a checkpoint of version {checkpoint.Version}, which ONNX Runtime Training before 1.18 reads, ends at two gigabytes. Keep fewer of the prior's columns (--rank), or bake for 1.18 or later (--ort-version).");
        using var data = isOutside ? AtomicFile.Create(path + ".data") : null;
        var w = new FlatBufferWriter(Identifier);
        Span<int> root = stackalloc int[4];
        var hasProperties = checkpoint.Integers.Count + checkpoint.Numbers.Count + checkpoint.Texts.Count > 0;
        w.Root([Field.Int(checkpoint.Version), Field.Reference, If(checkpoint.Optimizer is not null), If(hasProperties)], root);
        Span<int> module = stackalloc int[4];
        // Version 1 has the two lists alone; both flags came later, and a flag left out is false.
        Field FlagOf(bool isSet) => checkpoint.Version < 2 ? Field.Absent : Field.Flag(isSet);
        w.Point(root[1], w.Table([Field.Reference, Field.Reference, FlagOf(checkpoint.IsNominal), FlagOf(isOutside)], module));
        Put(w, module[0], checkpoint.Trainable, data?.Stream);
        Put(w, module[1], checkpoint.Frozen, data?.Stream);
        if (checkpoint.Optimizer is { } optimizer)
            Put(w, w.References(root[2], 1), optimizer, data?.Stream);
        if (hasProperties)
            PutProperties(w, root[3], checkpoint);
        using var file = AtomicFile.Create(path);
        w.WriteTo(file.Stream);
        data?.Commit(durable: false);
        file.Commit(durable: false);
    }

    /// <summary>Reads a checkpoint; its tensors' contents are mapped, not loaded.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ArtifactException">It is no checkpoint, of another version, or damaged.</exception>
    public static TrainingCheckpoint Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new ArtifactException($"There is no checkpoint '{path}'.");
        if (new FileInfo(path).Length == 0)
            throw new ArtifactException($"'{path}' is empty, so it is no checkpoint of ONNX Runtime Training.");
        var reader = new FlatBufferReader(path, Identifier, "a checkpoint of ONNX Runtime Training");
        var root = reader.Root;
        var version = reader.Int(root, 0);
        if (version is not (1 or 2))
            throw new ArtifactException($"'{path}' is a checkpoint of version {version}; versions 1 and 2 are known, those of ONNX Runtime Training 1.16 to 1.19.");
        var tensors = new TensorReader(reader, path);
        var module = reader.Child(root, 1) ?? throw reader.Broken("no parameters");
        tensors.HasExternalData = reader.Flag(module, 3);
        tensors.IsNominal = reader.Flag(module, 2);
        var checkpoint = new TrainingCheckpoint
        {
            Version = version,
            IsNominal = tensors.IsNominal,
            Trainable = tensors.Read(module, 0),
            Frozen = tensors.Read(module, 1),
            Optimizer = ReadOptimizer(reader, root, tensors),
        };
        if (reader.Child(root, 3) is { } bag)
            checkpoint = checkpoint with
            {
                Integers = Properties(reader, bag, 0, (t, slot) => reader.Long(t, slot)),
                Numbers = Properties(reader, bag, 1, reader.Float),
                Texts = Properties(reader, bag, 2, reader.Text),
            };
        if (checkpoint.Trainable.Concat(checkpoint.Frozen).GroupBy(t => t.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw reader.Broken($"the tensor '{twice.Key}' twice");
        return checkpoint;
    }

    /// <summary>Whether a file begins as a checkpoint does.</summary>
    /// <param name="path">The file.</param>
    public static bool IsCheckpoint(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[8];
        return file.ReadAtLeast(start, 8, throwOnEndOfStream: false) == 8 && start[4..].SequenceEqual(Identifier);
    }

    private static Field If(bool isThere) => isThere ? Field.Reference : Field.Absent;

    private static void Put(FlatBufferWriter w, int place, IReadOnlyList<CheckpointTensor> tensors, Stream? data)
    {
        var element = w.References(place, tensors.Count);
        Span<int> slots = stackalloc int[7];
        foreach (var tensor in tensors)
        {
            var isOutside = data is not null && tensor.Bytes >= SmallestOutside;
            var at = isOutside ? Append(data!, tensor) : -1;
            w.Point(element, w.Table(
                [Field.Reference, Field.Absent, Field.Reference, Field.Int((int)tensor.Type), isOutside ? Field.Absent : Field.Reference, Field.Absent, isOutside ? Field.Long(at) : Field.Absent],
                slots));
            w.Text(slots[0], tensor.Name);
            w.Longs(slots[2], tensor.Dimensions.AsSpan());
            if (!isOutside)
                w.Bytes(slots[4], tensor.Bytes, tensor.CopyTo);
            element += 4;
        }
    }

    private static long Append(Stream data, CheckpointTensor tensor)
    {
        data.Write(new byte[(int)(-data.Position & (SmallestOutside - 1))]);
        var at = data.Position;
        tensor.CopyTo(data);
        return at;
    }

    private static void Put(FlatBufferWriter w, int element, CheckpointOptimizer optimizer, Stream? data)
    {
        Span<int> group = stackalloc int[4];
        w.Point(element, w.Table([Field.Reference, Field.Long(optimizer.Step), Field.Float(optimizer.InitialLearningRate), Field.Reference], group));
        w.Text(group[0], TrainingCheckpoint.OptimizerGroupName);
        var state = w.References(group[3], optimizer.States.Count);
        Span<int> slots = stackalloc int[2];
        foreach (var (parameter, moments) in optimizer.States)
        {
            w.Point(state, w.Table([Field.Reference, Field.Reference], slots));
            w.Text(slots[0], parameter);
            Put(w, slots[1], moments, data);
            state += 4;
        }
    }

    private static void PutProperties(FlatBufferWriter w, int place, TrainingCheckpoint checkpoint)
    {
        Span<int> bag = stackalloc int[3];
        w.Point(place, w.Table([If(checkpoint.Integers.Count > 0), If(checkpoint.Numbers.Count > 0), If(checkpoint.Texts.Count > 0)], bag));
        Span<int> slots = stackalloc int[2];
        foreach (var (name, element) in Elements(w, bag[0], checkpoint.Integers.Keys))
        {
            w.Point(element, w.Table([Field.Reference, Field.Long(checkpoint.Integers[name])], slots));
            w.Text(slots[0], name);
        }
        foreach (var (name, element) in Elements(w, bag[1], checkpoint.Numbers.Keys))
        {
            w.Point(element, w.Table([Field.Reference, Field.Float(checkpoint.Numbers[name])], slots));
            w.Text(slots[0], name);
        }
        foreach (var (name, element) in Elements(w, bag[2], checkpoint.Texts.Keys))
        {
            w.Point(element, w.Table([Field.Reference, Field.Reference], slots));
            w.Text(slots[0], name);
            w.Text(slots[1], checkpoint.Texts[name]);
        }
    }

    private static List<(string Name, int Element)> Elements(FlatBufferWriter w, int place, IEnumerable<string> names)
    {
        string[] all = [.. names.Order(StringComparer.Ordinal)];
        if (all.Length == 0)
            return [];
        var first = w.References(place, all.Length);
        return [.. all.Select((name, i) => (name, first + 4 * i))];
    }

    private static CheckpointOptimizer? ReadOptimizer(FlatBufferReader reader, Table root, TensorReader tensors)
    {
        foreach (var group in reader.Tables(root, 2))
            if (reader.Text(group, 0) == TrainingCheckpoint.OptimizerGroupName)
                return new(
                    reader.Long(group, 1),
                    reader.Float(group, 2),
                    [.. reader.Tables(group, 3).Select(state => new CheckpointMoments(reader.Text(state, 0), tensors.Read(state, 1)))]);
        return null;
    }

    private static ImmutableSortedDictionary<string, T> Properties<T>(FlatBufferReader reader, Table bag, int slot, Func<Table, int, T> read)
    {
        var all = ImmutableSortedDictionary.CreateBuilder<string, T>(StringComparer.Ordinal);
        foreach (var entry in reader.Tables(bag, slot))
            all[reader.Text(entry, 0)] = read(entry, 1);
        return all.ToImmutable();
    }

    /// <summary>Reads tensors, from the file itself or from the one beside it.</summary>
    private sealed class TensorReader(FlatBufferReader reader, string path)
    {
        private const int MostDimensions = 64;

        private long inside;

        public bool HasExternalData { get; set; }

        public bool IsNominal { get; set; }

        public ImmutableArray<CheckpointTensor> Read(Table table, int slot) => [.. reader.Tables(table, slot).Select(t => Read(t))];

        private CheckpointTensor Read(Table table)
        {
            var name = reader.Text(table, 0);
            var type = (ElementType)reader.Int(table, 3);
            ImmutableArray<long> dimensions = [.. reader.Longs(table, 2)];
            if (name.Length == 0 || dimensions.Length > MostDimensions || type is not (ElementType.Float or ElementType.Int64))
                throw reader.Broken($"a tensor '{name}' of type {type} with {dimensions.Length} axes");
            var count = 1L;
            foreach (var d in dimensions)
                count = d >= 0 && (d == 0 || count <= long.MaxValue / 16 / d) ? count * d : throw reader.Broken($"the tensor '{name}' of shape [{string.Join(", ", dimensions)}]");
            var bytes = count * type.Size();
            var outside = reader.Long(table, 6, -1);
            if (outside >= 0 && HasExternalData)
                return new(name, dimensions, type, stream => CopyOutside(name, outside, bytes, stream));
            var raw = reader.Bytes(table, 4) ?? ReadOnlyMemory<byte>.Empty;
            if (raw.Length != bytes && !IsNominal)
                throw reader.Broken($"{raw.Length} bytes for the tensor '{name}' of shape [{string.Join(", ", dimensions)}], which takes {bytes}");
            // Tensors that share bytes would let a small file stand for an endless one.
            if ((inside += raw.Length) > reader.Length)
                throw reader.Broken("more bytes in its tensors than in the whole");
            return new(name, dimensions, type, stream => stream.Write(raw.Span));
        }

        private void CopyOutside(string name, long offset, long count, Stream stream)
        {
            var data = path + ".data";
            if (!File.Exists(data) || new FileInfo(data).Length - offset < count)
                throw new ArtifactException($"'{path}' keeps '{name}' in '{Path.GetFileName(data)}', which is missing beside it or cut short; copy both files.");
            using var file = File.OpenRead(data);
            file.Position = offset;
            var piece = new byte[1 << 16];
            for (var rest = count; rest > 0;)
            {
                var part = piece.AsSpan(0, (int)Math.Min(piece.Length, rest));
                file.ReadExactly(part);
                stream.Write(part);
                rest -= part.Length;
            }
        }
    }
}
