using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace OnnxPriors.Cli.Experiments.Definition;

/// <summary>A mapping of a YAML file, taken apart key by key; what nobody asked for is refused by <see cref="End"/>.</summary>
/// <param name="node">The mapping.</param>
/// <param name="file">The file's name, for messages.</param>
/// <param name="path">The keys that lead to it, for messages.</param>
internal sealed class YamlMap(YamlMappingNode node, string file, string path)
{
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);

    /// <summary>The keys, in the file's order.</summary>
    public IReadOnlyList<string> Keys => [.. node.Children.Keys.Select(key => Scalar(key, "a key"))];

    /// <summary>Whether a key is there.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>An error at this mapping.</summary>
    public ExperimentException Wrong(string what) => new($"{YamlFile.Place(file, node.Start)}: {what}");

    /// <summary>An error at a key's value.</summary>
    public ExperimentException Wrong(string key, string what) => new($"{YamlFile.Place(file, (Find(key) ?? node).Start)}: '{Full(key)}' {what}");

    /// <summary>A text.</summary>
    public string Text(string key) => TextOrNull(key) ?? throw Missing(key);

    /// <summary>A text, or null where the key is not there.</summary>
    public string? TextOrNull(string key) => Find(key) is { } value ? Scalar(value, $"'{Full(key)}'") : null;

    /// <summary>One of some words, or the first where the key is not there.</summary>
    public string Choice(string key, params string[] words)
    {
        var text = TextOrNull(key) ?? words[0];
        return words.Contains(text) ? text : throw Wrong(key, $"is '{text}'; it is one of {string.Join(", ", words)}.");
    }

    /// <summary>A number within a range, or null where the key is not there.</summary>
    public double? Number(string key, double least, double most) => Find(key) is { } value ? Number(key, value, least, most) : null;

    /// <summary>A whole number within a range, or null where the key is not there.</summary>
    public int? Whole(string key, int least, int most) => Find(key) is { } value ? Whole(key, value, least, most) : null;

    /// <summary>True or false, or null where the key is not there.</summary>
    public bool? Flag(string key) => TextOrNull(key) switch
    {
        null => null,
        "true" => true,
        "false" => false,
        var text => throw Wrong(key, $"is '{text}'; it is true or false."),
    };

    /// <summary>Different numbers above zero, in the file's order; a single one may stand alone. Null where the key is not there.</summary>
    public IReadOnlyList<double>? Numbers(string key) => List(key, value => Number(key, value, double.Epsilon, double.MaxValue));

    /// <summary>Different whole numbers, in the file's order; a single one may stand alone. Null where the key is not there.</summary>
    public IReadOnlyList<int>? Wholes(string key, int least, int most) => List(key, value => Whole(key, value, least, most));

    /// <summary>Different texts, in the file's order; a single one may stand alone. Null where the key is not there.</summary>
    public IReadOnlyList<string>? Texts(string key) => List(key, value => Scalar(value, $"'{Full(key)}'"));

    /// <summary>A mapping within, or null where the key is not there.</summary>
    public YamlMap? Map(string key) => Find(key) switch
    {
        null => null,
        YamlMappingNode map => new YamlMap(map, file, Full(key)),
        // 'key:' with nothing after it says that all stands as it is by default.
        YamlScalarNode { Value: null or "" } => new YamlMap(new YamlMappingNode(), file, Full(key)),
        var other => throw new ExperimentException($"{YamlFile.Place(file, other.Start)}: '{Full(key)}' is no mapping of names to values."),
    };

    /// <summary>The error of a key that must be there.</summary>
    public ExperimentException Missing(string key) => Wrong($"'{Full(key)}' is missing.");

    /// <summary>Refuses keys that nobody asked for.</summary>
    /// <exception cref="ExperimentException">There is one; the message has its line and column.</exception>
    public void End()
    {
        foreach (var (key, _) in node.Children)
            if (!asked.Contains(Scalar(key, "a key")))
                throw new ExperimentException($"{YamlFile.Place(file, key.Start)}: '{Full(Scalar(key, "a key"))}' is unknown; here there can be {string.Join(", ", asked.Order(StringComparer.Ordinal))}.");
    }

    private YamlNode? Find(string key)
    {
        asked.Add(key);
        return node.Children.FirstOrDefault(pair => pair.Key is YamlScalarNode { Value: var name } && name == key).Value;
    }

    private string Full(string key) => path.Length == 0 ? key : $"{path}.{key}";

    private string Scalar(YamlNode value, string what) => value is YamlScalarNode { Value: { Length: > 0 } text }
        ? text
        : throw new ExperimentException($"{YamlFile.Place(file, value.Start)}: {what} is not a single value.");

    private double Number(string key, YamlNode value, double least, double most)
    {
        var text = Scalar(value, $"'{Full(key)}'");
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || !double.IsFinite(number))
            throw new ExperimentException($"{YamlFile.Place(file, value.Start)}: '{Full(key)}' has '{text}', which is no number.");
        return number >= least && number <= most
            ? number
            : throw new ExperimentException(string.Create(CultureInfo.InvariantCulture, $"{YamlFile.Place(file, value.Start)}: '{Full(key)}' has {number}; it is {Range(least, most)}."));
    }

    private int Whole(string key, YamlNode value, int least, int most)
    {
        var number = Number(key, value, least, most);
        return number == Math.Floor(number)
            ? (int)number
            : throw new ExperimentException(string.Create(CultureInfo.InvariantCulture, $"{YamlFile.Place(file, value.Start)}: '{Full(key)}' has {number}, which is no whole number."));
    }

    private List<T>? List<T>(string key, Func<YamlNode, T> read)
    {
        if (Find(key) is not { } value)
            return null;
        var items = value is YamlSequenceNode sequence ? sequence.Children : [value];
        if (items.Count == 0)
            throw Wrong(key, "is empty.");
        var list = items.Select(read).ToList();
        return list.Distinct().Count() == list.Count ? list : throw Wrong(key, "names a value twice.");
    }

    private static string Range(double least, double most) => (least, most) switch
    {
        (double.Epsilon, double.MaxValue) => "above 0",
        (_, double.MaxValue or int.MaxValue) => string.Create(CultureInfo.InvariantCulture, $"{least} or above"),
        (double.Epsilon, _) => string.Create(CultureInfo.InvariantCulture, $"above 0 and at most {most}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{least} to {most}"),
    };
}
