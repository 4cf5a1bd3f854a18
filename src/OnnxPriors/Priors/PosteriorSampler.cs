using OnnxPriors.Randomness;

namespace OnnxPriors.Priors;

/// <summary>
/// Draws whole weight vectors from a posterior, θ = μ + √D ξ + Wζ (Maddox et al. 2019, algorithm 1, in this library's normalisation), tensor
/// by tensor, so that no more than one tensor is in memory. The same seed gives the same draws on every machine.
/// </summary>
public static class PosteriorSampler
{
    /// <summary>The stream of ζ, which all tensors of a draw share; a tensor's own ξ comes from a stream after it.</summary>
    private const uint FactorStream = 0;

    /// <summary>One tensor of one draw.</summary>
    /// <param name="posterior">The posterior.</param>
    /// <param name="tensor">The tensor's index.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="draw">Which of the seed's draws.</param>
    /// <param name="values">Filled with the tensor, in row-major order.</param>
    public static void Draw(IPosterior posterior, int tensor, ulong seed, ulong draw, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        if (values.Length != posterior.Tensors[tensor].Count)
            throw new ArgumentException($"Tensor {posterior.Tensors[tensor]} has another number of elements than {values.Length}.", nameof(values));
        var zeta = new float[posterior.Metadata.Rank];
        Philox.FillNormal(zeta, seed, draw, FactorStream);
        Philox.FillNormal(values, seed, draw, FactorStream + 1 + (uint)tensor);
        var (part, sum) = (new float[Pieces.Size], new double[Pieces.Size]);
        for (var start = 0; start < values.Length; start += Pieces.Size)
        {
            var piece = values.Slice(start, Math.Min(Pieces.Size, values.Length - start));
            var read = part.AsSpan(0, piece.Length);
            posterior.ReadDiagonal(tensor, start, read);
            for (var i = 0; i < piece.Length; i++)
                sum[i] = Math.Sqrt(read[i]) * piece[i];
            for (var column = 0; column < zeta.Length; column++)
            {
                posterior.ReadFactor(tensor, column, start, read);
                for (var i = 0; i < piece.Length; i++)
                    sum[i] += (double)read[i] * zeta[column];
            }
            posterior.ReadMean(tensor, start, read);
            for (var i = 0; i < piece.Length; i++)
                piece[i] = (float)(read[i] + sum[i]);
        }
    }

    /// <summary>Writes draws as a safetensors file: each parameter NAME of shape S as <c>NAME</c> [draws, S…].</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="posterior">The posterior.</param>
    /// <param name="count">How many draws, 1 or more.</param>
    /// <param name="seed">The seed.</param>
    /// <exception cref="IOException">The file cannot be made, or the disk is full.</exception>
    public static void Write(string path, IPosterior posterior, int count, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var metadata = new Dictionary<string, string>
        {
            ["format"] = "onnxpriors-draws",
            ["seed"] = seed.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["source_sha256"] = posterior.Metadata.SourceSha256,
            ["producer"] = posterior.Metadata.Producer,
        };
        using var writer = SafetensorsWriter.Create(path, metadata, [.. posterior.Tensors.Select(tensor => new TensorShape(tensor.Name, [count, .. tensor.Shape]))]);
        for (var tensor = 0; tensor < posterior.Tensors.Count; tensor++)
        {
            var values = new float[posterior.Tensors[tensor].Count];
            for (var draw = 0; draw < count; draw++)
            {
                Draw(posterior, tensor, seed, (ulong)draw, values);
                writer.Write(values);
            }
        }
        writer.Commit();
    }
}
