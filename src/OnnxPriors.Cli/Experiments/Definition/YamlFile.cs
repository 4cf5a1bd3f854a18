using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace OnnxPriors.Cli.Experiments.Definition;

/// <summary>Reads a YAML file of one mapping, within limits, so that a file from elsewhere cannot take the machine's memory.</summary>
internal static class YamlFile
{
    private const long MostBytes = 1 << 20;
    private const int MostDepth = 16, MostNodes = 100_000;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ExperimentException">It is missing, too large, too deep, no YAML, or no mapping; the message has line and column.</exception>
    public static YamlMap Read(string path)
    {
        var name = Path.GetFileName(path);
        try
        {
            var info = new FileInfo(path);
            if (!info.Exists)
                throw new ExperimentException($"There is no file '{path}'; give the YAML file of an experiment.");
            if (info.Length > MostBytes)
                throw new ExperimentException($"'{path}' is larger than {MostBytes >> 20} MiB, which no experiment's file is.");
            return Parse(File.ReadAllText(path), name);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ExperimentException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Reads text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="ExperimentException">It is too deep, no YAML, or no mapping.</exception>
    public static YamlMap Parse(string text, string name)
    {
        try
        {
            Check(text, name);
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents is [{ RootNode: YamlMappingNode map }]
                ? new YamlMap(map, name, "")
                : throw new ExperimentException($"'{name}' is not one mapping of names to values; see docs/laboratory.md for what an experiment says.");
        }
        catch (YamlException error)
        {
            throw new ExperimentException($"{Place(name, error.Start)} is no YAML: {error.Message}", error);
        }
    }

    /// <summary>Where something stands: file, line and column.</summary>
    public static string Place(string name, Mark mark) => string.Create(CultureInfo.InvariantCulture, $"'{name}' line {mark.Line}, column {mark.Column}");

    // Looks at the events alone, before anything is built of them.
    private static void Check(string text, string name)
    {
        var parser = new Parser(new StringReader(text));
        var (depth, nodes) = (0, 0);
        while (parser.MoveNext())
        {
            var at = parser.Current!;
            depth += at.NestingIncrease;
            if (depth > MostDepth + 2)
                throw new ExperimentException($"{Place(name, at.Start)}: it is nested deeper than {MostDepth} levels, which no experiment is.");
            if (++nodes > MostNodes)
                throw new ExperimentException($"{Place(name, at.Start)}: there are more than {MostNodes} values, which no experiment has.");
            if (at is AnchorAlias || at is NodeEvent { Anchor.IsEmpty: false })
                throw new ExperimentException($"{Place(name, at.Start)}: anchors and aliases are not taken; write the values out.");
        }
    }
}
