using System.Collections.Immutable;
using System.Security.Cryptography;
using OnnxPriors.Priors;

namespace OnnxPriors.Artifacts;

/// <summary>What a prior is baked onto.</summary>
/// <param name="Layout">The trainable tensors in the flat state.</param>
/// <param name="Head">The names of those that belong to the new head.</param>
/// <param name="Weights">The initial values of every tensor of the layout: the source's weights, and the fresh head's.</param>
/// <param name="Source">All parameters of the source model that a fit covers, frozen ones and the replaced head's included: what a prior file must have.</param>
/// <param name="SourceHead">The names of the replaced head's parameters among them; a prior file may leave them out.</param>
public sealed record PriorTarget(
    StateLayout Layout, IReadOnlySet<string> Head, ReadTensor Weights, IReadOnlyList<TensorShape> Source, IReadOnlySet<string> SourceHead)
{
    /// <summary>The SHA-256 that the source model goes by, of which a prior file names one; empty where that is not known, and not checked.</summary>
    public IReadOnlyList<string> SourceHashes { get; init; } = [];
}

/// <summary>What baking a prior gave.</summary>
/// <param name="Prior">The manifest's part on the prior.</param>
/// <param name="Files">The files written: <c>parameters.bin</c>, and <c>prior.bin</c> where there is a prior.</param>
/// <param name="Buffers">The running statistics that the fit re-estimated at its mean; empty without a learned prior.</param>
public sealed record BakedPrior(ManifestPrior Prior, ImmutableArray<ManifestFileEntry> Files, ImmutableArray<PosteriorBuffer> Buffers);

/// <summary>
/// The prior's side of a bake: writes μ, a and B of the flat state to <c>prior.bin</c> and the initial θ to <c>parameters.bin</c>. The
/// prior file is read in pieces, three times over (its values' check, C, then μ, a and B), so memory stays at a few megabytes
/// whatever the model's size.
/// </summary>
/// <remarks>
/// With a learned prior training starts at the posterior's mean, as in the paper; tensors that do not train should stand there too. A
/// prior over part of the tensors is the posterior's marginal: the others' rows of D and W are left out.
/// </remarks>
public static class PriorBaker
{
    /// <summary>Bakes a prior.</summary>
    /// <param name="folder">The step folder, which exists.</param>
    /// <param name="target">What the prior is baked onto.</param>
    /// <param name="choice">The prior.</param>
    /// <exception cref="InvalidPriorException">The prior file is damaged, or the options are out of range.</exception>
    /// <exception cref="PriorMismatchException">The prior file belongs to another model.</exception>
    /// <exception cref="IOException">A file cannot be read or written, or the disk is full.</exception>
    public static BakedPrior Write(string folder, PriorTarget target, PriorChoice choice)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(choice);
        choice.Check();
        using var posterior = choice.Kind == PriorKind.Learned ? Open(target, choice) : null;
        using var permuted = posterior is null || choice.Shape != PriorShape.Permuted ? null : new PermutedPosterior(posterior, choice.PermutationSeed, folder);
        var layout = target.Layout;
        var learned = posterior?.Tensors.Select((tensor, index) => (tensor.Name, index)).ToDictionary(StringComparer.Ordinal);
        ReadTensor initial = (entry, start, values) =>
        {
            if (learned is not null && !target.Head.Contains(entry.Name))
                posterior!.ReadMean(learned[entry.Name], start, values);
            else
                target.Weights(entry, start, values);
        };
        // The prior first: bad options show before anything large is written.
        var form = new PriorForm(0, 0);
        var files = ImmutableArray.CreateBuilder<ManifestFileEntry>();
        if (choice.Kind != PriorKind.None)
        {
            var segments = layout.Entries.Select(entry => Segment(entry, target, choice, learned)).ToList();
            GaussianPrior.CheckPlaces(segments, layout.Length, posterior);
            IPosterior? shaped = choice.Shape switch
            {
                PriorShape.Diagonal => new DiagonalPosterior(posterior!, choice.Rescaling),
                PriorShape.Permuted => permuted!.Reader,
                _ => posterior,
            };
            var rescaling = choice.Shape == PriorShape.Diagonal ? choice.Rescaling with { Rank = null } : choice.Rescaling;
            (var file, form) = choice.Step == PriorStep.Proximal
                ? WriteProximal(folder, segments, layout.Length, ProximalPrior.Compute(segments, shaped, rescaling), choice.LearnsScale ? target.Head : null)
                : WritePlain(folder, segments, layout.Length, PriorFactorisation.Compute(segments, shaped, rescaling));
            files.Add(file);
        }
        files.Insert(0, FlatFile.Write(folder, StepFiles.Parameters, layout, initial));
        var baked = new ManifestPrior
        {
            Kind = choice.KindName,
            Rank = form.Rank,
            Scale = choice.Rescaling.Scale,
            Epsilon = choice.Rescaling.Epsilon,
            Scaling = choice.Rescaling.ScalingName,
            HeadVariance = choice.HeadVariance,
            EpsilonShare = form.EpsilonShare,
            Shape = choice.Shape == PriorShape.Full ? null : choice.ShapeName,
            PermutationSeed = choice.Shape == PriorShape.Permuted ? choice.PermutationSeed : null,
            Step = choice is { Step: PriorStep.Proximal, Kind: not PriorKind.None } ? "proximal" : null,
            LargestPrecision = form.LargestPrecision,
            Evidence = form.Evidence,
            SourcePrior = posterior is null ? null : Hash(posterior.Path),
        };
        return new BakedPrior(baked, files.ToImmutable(), posterior is null ? [] : [.. posterior.Buffers.Select(b => new PosteriorBuffer(b.Name, b.Shape, posterior.ReadBuffer(b.Name)))]);
    }

    private static PosteriorReader Open(PriorTarget target, PriorChoice choice)
    {
        var path = choice.Path ?? throw new InvalidPriorException("A learned prior needs a prior file; make one with 'onnxpriors fit'.");
        var posterior = PosteriorReader.Open(path);
        try
        {
            choice.Rescaling.Check(posterior.Metadata.Rank, posterior.Metadata.Form);
            var present = posterior.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
            PosteriorCheck.CheckFits(posterior, [.. target.Source.Where(tensor => present.Contains(tensor.Name) || !target.SourceHead.Contains(tensor.Name))], $"'{path}'");
            if (!choice.AllowOtherSource && target.SourceHashes.Count > 0)
                PosteriorCheck.CheckSource(posterior, target.SourceHashes, $"'{path}'");
            PosteriorCheck.CheckValues(posterior, $"'{path}'");
            return posterior;
        }
        catch
        {
            posterior.Dispose();
            throw;
        }
    }

    private static PriorSegment Segment(StateEntry entry, PriorTarget target, PriorChoice choice, Dictionary<string, int>? learned)
    {
        if (target.Head.Contains(entry.Name))
            return PriorSegment.Isotropic(entry.Name, entry.Offset, entry.Count, choice.HeadVariance);
        if (learned is not null)
            return learned.TryGetValue(entry.Name, out var tensor)
                ? PriorSegment.Learned(entry.Name, entry.Offset, entry.Count, tensor)
                : throw new PriorMismatchException($"'{choice.Path}' has no tensor '{entry.Name}', which is to train. Freeze it (--train), or fit a prior that covers it.", [entry.Name]);
        if (choice.Kind == PriorKind.Zero)
            return PriorSegment.Isotropic(entry.Name, entry.Offset, entry.Count, choice.Rescaling.Scale);
        return PriorSegment.Isotropic(entry.Name, entry.Offset, entry.Count, choice.Rescaling.Scale, (start, values) => target.Weights(entry, start, values.Span));
    }

    /// <summary>What is said of a prior beside its values.</summary>
    private sealed record PriorForm(int Rank, double EpsilonShare, double? LargestPrecision = null, EvidenceBound? Evidence = null);

    private static (ManifestFileEntry, PriorForm) WritePlain(string folder, List<PriorSegment> segments, long length, PriorFactorisation factorisation)
    {
        var file = FlatFile.Write(folder, StepFiles.Prior, length * (2 + factorisation.Rank), file =>
            Pieces.ForEach(PriorFactorisation.Pieces(segments), () => new PriorPiece(factorisation.Rank), (piece, _, work) =>
            {
                var segment = segments[piece.Tensor];
                factorisation.Fill(segment, piece, work);
                Put(file, length, segment.Offset + piece.Start, piece.Count, work.Mean, work.Precision, segment.IsLearned ? work.Factor : []);
            }));
        return (file, new(factorisation.Rank, factorisation.EpsilonShare, factorisation.LargestPrecision));
    }

    private static (ManifestFileEntry, PriorForm) WriteProximal(string folder, List<PriorSegment> segments, long length, ProximalPrior prior, IReadOnlySet<string>? learnsBeside)
    {
        var evidence = learnsBeside is null ? null : EvidenceMoments.Compute(segments, prior, learnsBeside);
        var file = FlatFile.Write(folder, StepFiles.Prior, length * (2 + prior.Rank), file =>
        {
            // In the gaps any variance but 0 will do, which with no prior weight would be divided by.
            var end = 0L;
            foreach (var (start, next) in segments.Select(s => (s.Offset, s.Offset + s.Count)).Append((length, length)))
            {
                FlatFile.Put(file, length + end, Enumerable.Repeat(1f, (int)(start - end)).ToArray());
                end = next;
            }
            Pieces.ForEach(PriorFactorisation.Pieces(segments), () => new VariancePiece(prior.Rank), (piece, _, work) =>
            {
                var segment = segments[piece.Tensor];
                prior.Fill(segment, piece, work);
                Put(file, length, segment.Offset + piece.Start, piece.Count, work.Mean, work.Variance, segment.IsLearned ? work.Factor : []);
            });
        });
        return (file, new(prior.Rank, prior.EpsilonShare, Evidence: evidence));
    }

    // Isotropic segments have no factor; the file is zero there as it is.
    private static void Put(Microsoft.Win32.SafeHandles.SafeFileHandle file, long length, long at, int count, float[] mean, float[] diagonal, float[][] factor)
    {
        FlatFile.Put(file, at, mean.AsSpan(0, count));
        FlatFile.Put(file, length + at, diagonal.AsSpan(0, count));
        for (var k = 0; k < factor.Length; k++)
            FlatFile.Put(file, (2 + k) * length + at, factor[k].AsSpan(0, count));
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
