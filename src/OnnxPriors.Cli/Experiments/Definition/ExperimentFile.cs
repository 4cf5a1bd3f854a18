using System.CommandLine;
using System.Globalization;
using OnnxPriors.Cli.Commands.Priors;

namespace OnnxPriors.Cli.Experiments.Definition;

/// <summary>Reads an experiment's YAML file; docs/laboratory.md has every key.</summary>
internal static class ExperimentFile
{
    private const int Many = 1_000_000;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="root">The folder that relative paths in it start from; null: the file's own.</param>
    /// <exception cref="ExperimentException">The file is no experiment; the message says where and why.</exception>
    public static ExperimentPlan Read(string path, string? root = null) =>
        Read(YamlFile.Read(path), Path.GetFullPath(root ?? Path.GetDirectoryName(Path.GetFullPath(path))!));

    internal static ExperimentPlan Read(YamlMap file, string root)
    {
        var methods = Methods(file.Map("methods") ?? throw file.Missing("methods"));
        var labels = file.Wholes("labels-per-class", 1, Many) ?? throw file.Missing("labels-per-class");
        var posterior = Posterior(file.Map("posterior"), root);
        var plan = new ExperimentPlan
        {
            Name = file.Text("name"),
            Model = Path.Combine(root, file.Text("model")),
            Posterior = posterior,
            Target = Target(file.Map("target") ?? throw file.Missing("target"), root),
            LabelsPerClass = labels,
            Seeds = file.Wholes("seeds", 0, int.MaxValue) ?? throw file.Missing("seeds"),
            Train = file.TextOrNull("train") ?? "all",
            EachSeedChooses = file.Choice("selection", "each-seed", "first-seed") == "each-seed",
            StartsFromProbe = file.Choice("start", "probe", "fresh") == "probe",
            Training = Training(file.Map("training")),
            Methods = methods,
            Sampler = file.Map("sghmc") is { } sampler ? Sampler(sampler, methods, labels) : null,
            EqualBudgets = file.Flag("equal-budgets") ?? true,
        };
        if (posterior is null && methods.FirstOrDefault(one => one.Method.NeedsPosterior) is { } needy)
            throw file.Wrong($"the method '{needy.Method.Name}' needs a posterior: give 'posterior' with a 'file', or with 'fit' and its options.");
        if (plan.StartsFromProbe && methods.All(one => !one.Method.TrainsHeadAlone))
            throw file.Wrong($"'start: probe' needs the method '{Method.LinearProbe}', whose learning rates it is trained with; add it, or say 'start: fresh'.");
        if (plan.EqualBudgets && methods.Select(one => one.Count).Distinct().Count() > 1)
            throw file.Wrong(
                "methods",
                $"gives unequal budgets: {string.Join(", ", methods.Select(one => $"{one.Method.Name} {one.Count}"))} settings. "
                + "Let all try as many, or say 'equal-budgets: false', which the report will repeat.");
        file.End();
        return plan;
    }

    private static PosteriorPlan? Posterior(YamlMap? map, string root)
    {
        if (map is null)
            return null;
        var file = map.TextOrNull("file");
        var fit = map.Map("fit");
        map.End();
        if ((file is null) == (fit is null))
            throw map.Wrong("'posterior' takes either a 'file' or 'fit' with the options of 'onnxpriors fit'.");
        return fit is null ? new PosteriorPlan(Path.Combine(root, file!), []) : new PosteriorPlan(null, Fit(fit, root));
    }

    // Whatever 'onnxpriors fit' takes stands here under its name there: no list of its own that could fall behind.
    private static List<(string, string)> Fit(YamlMap map, string root)
    {
        var command = new Command("fit");
        new FitVerb().Declare(command);
        var options = command.Options.Select(option => option.Name.TrimStart('-')).Where(name => name is not "output").ToHashSet(StringComparer.Ordinal);
        _ = map.Text("data");
        var values = new List<(string, string)>();
        foreach (var key in map.Keys.Where(options.Contains))
            values.Add((key, key == "data" ? Path.Combine(root, map.Text(key)) : string.Join(',', map.Texts(key)!)));
        foreach (var option in options)
            _ = map.Has(option);
        map.End();
        return values;
    }

    private static TargetPlan Target(YamlMap map, string root)
    {
        var target = new TargetPlan
        {
            Source = Path.Combine(root, map.Text("data")),
            Preprocess = map.TextOrNull("preprocess"),
            ImageSize = map.Whole("image-size", 1, 16_384),
            ValidationShare = map.Number("validation", double.Epsilon, 0.99) ?? throw map.Missing("validation"),
            TestPerClass = map.Whole("test-per-class", 1, Many),
        };
        map.End();
        return target;
    }

    private static TrainingPlan Training(YamlMap? map)
    {
        var steps = map?.Whole("steps", 1, Many) ?? 200;
        var plan = new TrainingPlan
        {
            Steps = steps,
            ProbeSteps = map?.Whole("probe-steps", 1, Many) ?? steps,
            Batch = map?.Whole("batch", 1, Many) ?? 10,
            Momentum = map?.Number("momentum", 0, 0.9999) ?? 0.9,
            ClipNorm = map?.Number("clip-norm", 0, double.MaxValue) ?? 5,
            HeadVariance = map?.Number("head-variance", double.Epsilon, double.MaxValue) ?? 1,
            IsProximal = (map?.Choice("prior-step", "proximal", "plain") ?? "proximal") == "proximal",
            Validations = map?.Whole("validations", 1, Many) ?? 10,
            KeepsBest = (map?.Choice("state", "best", "last") ?? "best") == "best",
        };
        map?.End();
        return plan;
    }

    private static List<MethodPlan> Methods(YamlMap map)
    {
        var plans = new List<MethodPlan>();
        foreach (var name in map.Keys)
        {
            var method = Method.All.FirstOrDefault(one => one.Name == name)
                ?? throw map.Wrong(name, $"is no method; there are {string.Join(", ", Method.All.Select(one => one.Name))}.");
            var grid = map.Map(name)!;
            var plan = new MethodPlan(
                method,
                grid.Numbers("learning-rates") ?? throw grid.Missing("learning-rates"),
                method.HasStrength ? grid.Numbers("variances") ?? throw grid.Missing("variances") : [])
            {
                EpsilonShare = method.NeedsPosterior ? grid.Number("epsilon-share", 0, 1000) ?? 0.1 : 0,
                Rank = method.NeedsPosterior ? grid.Whole("rank", 2, 4096) : null,
            };
            grid.End();
            plans.Add(plan);
        }
        return plans.Count > 0 ? plans : throw map.Wrong("'methods' names none.");
    }

    private static SamplerPlan Sampler(YamlMap map, List<MethodPlan> methods, IReadOnlyList<int> labels)
    {
        var able = methods.Where(one => one.Method.HasStrength).Select(one => one.Method.Name).ToList();
        var plan = new SamplerPlan
        {
            Methods = map.Texts("methods") ?? able,
            LabelsPerClass = map.Wholes("labels-per-class", 1, Many) ?? labels,
            Steps = map.Whole("steps", 1, Many) ?? 400,
            Cycles = map.Whole("cycles", 1, 1000) ?? 2,
            SamplesPerCycle = map.Whole("samples-per-cycle", 1, 1000) ?? 3,
            ExplorationShare = map.Number("exploration-share", 0, 0.99) ?? 0.7,
            Friction = map.Number("friction", double.Epsilon, 1) ?? 0.1,
            Temperature = map.Number("temperature", 0, double.MaxValue) ?? 1,
        };
        if (plan.Methods.Except(able).FirstOrDefault() is { } wrong)
            throw map.Wrong("methods", $"has '{wrong}', which is no method of this experiment with a prior to sample under.");
        if (plan.LabelsPerClass.Except(labels).ToList() is [var missing, ..])
            throw map.Wrong("labels-per-class", string.Create(CultureInfo.InvariantCulture, $"has {missing}, which the experiment does not."));
        map.End();
        return plan;
    }
}
