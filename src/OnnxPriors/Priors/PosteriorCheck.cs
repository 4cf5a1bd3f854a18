using System.Collections.Immutable;
using System.Numerics.Tensors;

namespace OnnxPriors.Priors;

/// <summary>Whether a posterior is sound in itself, and whether it fits a model.</summary>
public static class PosteriorCheck
{
    private const int MostShown = 20;

    /// <summary>Reads every value once and refuses what no Gaussian has.</summary>
    /// <param name="posterior">The posterior.</param>
    /// <param name="where">What messages call it: a file's path, say.</param>
    /// <exception cref="InvalidPriorException">A value that is not finite, or a negative diagonal; the message names tensor and element.</exception>
    public static void CheckValues(IPosterior posterior, string where)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        var rank = posterior.Metadata.Rank;
        Pieces.ForEach(Pieces.Of(posterior.Tensors), Pieces.Size, (piece, buffer) =>
        {
            var name = posterior.Tensors[piece.Tensor].Name;
            var values = buffer.AsSpan(0, piece.Count);
            posterior.ReadMean(piece.Tensor, piece.Start, values);
            CheckFinite(values, where, $"mean/{name}", piece.Start);
            posterior.ReadDiagonal(piece.Tensor, piece.Start, values);
            CheckFinite(values, where, $"diagonal/{name}", piece.Start);
            if (TensorPrimitives.Min(values) < 0)
            {
                var at = values.IndexOfAnyInRange(float.MinValue, -float.Epsilon);
                throw new InvalidPriorException(
                    FormattableString.Invariant($"{where}: tensor 'diagonal/{name}' is negative ({values[at]}) at element {piece.Start + at}; a variance cannot be. Fit the prior again."));
            }
            for (var column = 0; column < rank; column++)
            {
                posterior.ReadFactor(piece.Tensor, column, piece.Start, values);
                CheckFinite(values, where, $"factor/{name}", column * posterior.Tensors[piece.Tensor].Count + piece.Start);
            }
        });
    }

    /// <summary>Checks that a posterior has the tensors a model has: the same names with the same shapes.</summary>
    /// <param name="posterior">The posterior.</param>
    /// <param name="expected">The model's parameters.</param>
    /// <param name="where">What messages call the posterior: its file's path, say.</param>
    /// <param name="optional">Names the posterior may have beyond these, such as those of the source model's replaced head.</param>
    /// <exception cref="PriorMismatchException">Something is missing, unexpected or of another shape; all of it is named.</exception>
    public static void CheckFits(IPosterior posterior, IReadOnlyList<TensorShape> expected, string where, IReadOnlySet<string>? optional = null)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        ArgumentNullException.ThrowIfNull(expected);
        var present = posterior.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var problems = ImmutableArray.CreateBuilder<string>();
        foreach (var tensor in expected)
            if (!present.Remove(tensor.Name, out var found))
                problems.Add($"missing: {tensor}");
            else if (!found.Equals(tensor))
                problems.Add($"shape: {tensor.Name} is {SafetensorsHeader.Show(found.Shape)} in the prior and {SafetensorsHeader.Show(tensor.Shape)} in the model");
        foreach (var tensor in posterior.Tensors)
            if (present.ContainsKey(tensor.Name) && optional?.Contains(tensor.Name) != true)
                problems.Add($"not in the model: {tensor}");
        if (problems.Count == 0)
            return;
        var shown = string.Join(Environment.NewLine, problems.Take(MostShown).Select(problem => "  " + problem));
        var rest = problems.Count > MostShown ? $"{Environment.NewLine}  … and {problems.Count - MostShown} more" : "";
        throw new PriorMismatchException(
            $"{where} belongs to another model; {problems.Count} tensors do not fit. Use the prior that was fit from this model, or fit one.{Environment.NewLine}{shown}{rest}",
            problems.ToImmutable());
    }

    /// <summary>Checks that a posterior was fitted to a model: tensors of the same names and shapes may hold other weights.</summary>
    /// <param name="posterior">The posterior.</param>
    /// <param name="sources">The SHA-256 values that the model goes by, at least one; the first is its file's.</param>
    /// <param name="where">What messages call the posterior: its file's path, say.</param>
    /// <exception cref="PriorMismatchException">It was fitted to another file.</exception>
    public static void CheckSource(IPosterior posterior, IReadOnlyList<string> sources, string where)
    {
        ArgumentNullException.ThrowIfNull(posterior);
        ArgumentNullException.ThrowIfNull(sources);
        var found = posterior.Metadata.SourceSha256;
        if (!sources.Contains(found, StringComparer.OrdinalIgnoreCase))
            throw new PriorMismatchException(
                $"{where} was fitted to another model: its tensors fit, but its source has the SHA-256 {found}, and this model's file {sources[0]}. Use the prior that was fit from this model, or fit one; where the weights are the same and only the file differs, give --allow-other-source.",
                []);
    }

    internal static void CheckFinite(ReadOnlySpan<float> values, string where, string tensor, long start)
    {
        // One vectorised pass tells whether all is well: MaxMagnitude hands NaN and infinity on.
        if (values.IsEmpty || float.IsFinite(TensorPrimitives.MaxMagnitude(values)))
            return;
        for (var i = 0; i < values.Length; i++)
            if (!float.IsFinite(values[i]))
                throw new InvalidPriorException(
                    FormattableString.Invariant($"{where}: tensor '{tensor}' is not finite ({values[i]}) at element {start + i}. Fit the prior again, with a lower learning rate if the fit itself diverged."));
    }
}
