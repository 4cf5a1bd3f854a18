using System.Collections.Immutable;

namespace OnnxPriors.Priors;

/// <summary>Reads and writes whole posteriors as prior files; for large models <see cref="PosteriorReader"/> reads in pieces.</summary>
public static class PosteriorFile
{
    /// <summary>Reads a prior file whole, checks every value, and checks it against a model where one is given.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">The parameters of the model it is for; null to take what the file has.</param>
    /// <exception cref="InvalidPriorException">The file is damaged, no prior, or holds values no Gaussian has.</exception>
    /// <exception cref="PriorMismatchException">The prior belongs to another model.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static Posterior Read(string path, IReadOnlyList<TensorShape>? expected = null)
    {
        using var reader = PosteriorReader.Open(path);
        if (expected is not null)
            PosteriorCheck.CheckFits(reader, expected, $"'{path}'");
        PosteriorCheck.CheckValues(reader, $"'{path}'");
        var rank = reader.Metadata.Rank;
        var curved = reader.HasCurvature;
        var parameters = ImmutableArray.CreateBuilder<PosteriorTensor>(reader.Tensors.Count);
        for (var i = 0; i < reader.Tensors.Count; i++)
        {
            var shape = reader.Tensors[i];
            var count = checked((int)shape.Count);
            var tensor = new PosteriorTensor(shape.Name, shape.Shape, new float[count], new float[count], new float[checked(count * rank)])
            {
                Curvature = curved ? new float[count] : null,
            };
            reader.ReadMean(i, 0, tensor.Mean);
            reader.ReadDiagonal(i, 0, tensor.Diagonal);
            for (var column = 0; column < rank; column++)
                reader.ReadFactor(i, column, 0, tensor.Factor.AsSpan(column * count, count));
            if (tensor.Curvature is { } curvature)
                reader.ReadCurvature(i, 0, curvature);
            parameters.Add(tensor);
        }
        var buffers = reader.Buffers.Select(buffer => new PosteriorBuffer(buffer.Name, buffer.Shape, reader.ReadBuffer(buffer.Name)));
        return new Posterior(reader.Metadata, parameters.MoveToImmutable(), [.. buffers]);
    }

    /// <summary>Writes a prior file, whole or not at all.</summary>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public static void Write(string path, Posterior posterior)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        var buffers = posterior.Buffers.Select(buffer => new TensorShape(buffer.Name, buffer.Shape));
        Write(path, posterior.Metadata, posterior, [.. buffers], name => posterior.Buffers.First(buffer => buffer.Name == name).Values, posterior.HasCurvature
            ? (tensor, start, values) => posterior.Parameters[tensor].Curvature.AsSpan((int)start, values.Length).CopyTo(values)
            : null);
    }

    /// <summary>Writes a prior file in pieces from a posterior that may itself be a file.</summary>
    internal static void Write(
        string path, PosteriorMetadata metadata, IPosterior posterior, IReadOnlyList<TensorShape> buffers, Func<string, float[]> readBuffer, ReadTensorPiece? readCurvature = null)
    {
        var declared = new List<TensorShape>();
        foreach (var tensor in posterior.Tensors)
        {
            declared.Add(tensor with { Name = "mean/" + tensor.Name });
            declared.Add(tensor with { Name = "diagonal/" + tensor.Name });
            if (metadata.Rank > 0)
                declared.Add(new TensorShape("factor/" + tensor.Name, [metadata.Rank, .. tensor.Shape]));
            if (readCurvature is not null)
                declared.Add(tensor with { Name = "curvature/" + tensor.Name });
        }
        declared.AddRange(buffers.Select(buffer => buffer with { Name = "buffer/" + buffer.Name }));
        using var writer = SafetensorsWriter.Create(path, metadata.ToStrings(), declared);
        var values = new float[Pieces.Size];
        for (var i = 0; i < posterior.Tensors.Count; i++)
        {
            var tensor = i;
            Copy(posterior.Tensors[i].Count, (start, piece) => posterior.ReadMean(tensor, start, piece));
            Copy(posterior.Tensors[i].Count, (start, piece) => posterior.ReadDiagonal(tensor, start, piece));
            for (var column = 0; column < metadata.Rank; column++)
            {
                var which = column;
                Copy(posterior.Tensors[i].Count, (start, piece) => posterior.ReadFactor(tensor, which, start, piece));
            }
            if (readCurvature is not null)
                Copy(posterior.Tensors[i].Count, (start, piece) => readCurvature(tensor, start, piece));
        }
        foreach (var buffer in buffers)
            writer.Write(readBuffer(buffer.Name));
        writer.Commit();

        void Copy(long count, ReadPiece read)
        {
            for (var start = 0L; start < count; start += values.Length)
            {
                var piece = values.AsSpan(0, (int)Math.Min(values.Length, count - start));
                read(start, piece);
                writer.Write(piece);
            }
        }
    }

    /// <summary>Reads a stretch of a tensor's values.</summary>
    internal delegate void ReadTensorPiece(int tensor, long start, Span<float> values);

    private delegate void ReadPiece(long start, Span<float> piece);
}
