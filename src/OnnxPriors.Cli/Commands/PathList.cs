using System.CommandLine;

namespace OnnxPriors.Cli.Commands;

/// <summary>An argument that takes one or more paths. A mistyped option would be one of them; it is refused by its name instead.</summary>
internal static class PathList
{
    /// <summary>Makes the argument.</summary>
    /// <param name="name">What the help calls it.</param>
    /// <param name="description">What the paths are.</param>
    public static Argument<string[]> Of(string name, string description)
    {
        var paths = new Argument<string[]>(name) { Description = description, Arity = ArgumentArity.OneOrMore };
        paths.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(token => token.Value.StartsWith('-')) is { } unknown)
                result.AddError($"Unrecognized option '{unknown.Value}'; a path that begins so is written ./{unknown.Value}.");
        });
        return paths;
    }
}
