using System.CommandLine;
using OnnxPriors.Cli.Display;

namespace OnnxPriors.Cli.Commands;

/// <summary>A line to type, and what it does.</summary>
/// <param name="Line">The arguments after <c>onnxpriors</c>.</param>
/// <param name="Meaning">What it does, without a full stop.</param>
internal sealed record Example(string Line, string Meaning);

/// <summary>
/// One verb of the command line. It declares what it takes, and it runs: results through <see cref="Terminal.Show{T}"/>, everything
/// else through the terminal's messages and progress. Errors in what was given are <see cref="OnnxPriorsException"/>s; it need not
/// catch them. Nothing heavy belongs into its constructor or <see cref="Declare"/>: they run on every start.
/// </summary>
internal interface IVerb
{
    /// <summary>The word that calls it.</summary>
    string Name { get; }

    /// <summary>What it does, one sentence.</summary>
    string Summary { get; }

    /// <summary>Lines to type, shown by <c>--help</c>; at least one.</summary>
    IReadOnlyList<Example> Examples { get; }

    /// <summary>Adds its arguments and options.</summary>
    void Declare(Command command);

    /// <summary>Does it.</summary>
    /// <param name="given">The arguments and options as given; they are complete and of the right types.</param>
    /// <param name="terminal">Where results and progress go.</param>
    /// <param name="cancellation">Set by Ctrl-C and SIGTERM; the verb leaves nothing half-written and throws.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    int Run(ParseResult given, Terminal terminal, CancellationToken cancellation);
}

/// <summary>A word that stands before other verbs, as <c>prior</c> before <c>info</c>.</summary>
/// <param name="Name">The word.</param>
/// <param name="Summary">What the verbs are about, one sentence.</param>
/// <param name="Verbs">The verbs.</param>
internal sealed record VerbGroup(string Name, string Summary, IReadOnlyList<IVerb> Verbs);
