using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using OnnxPriors.Cli.Display;

namespace OnnxPriors.Cli.Commands;

/// <summary>The command line as a whole: finds the verb, runs it under its signals, and turns what comes out into an exit code.</summary>
internal static partial class CommandLine
{
    private const string Name = "onnxpriors";

    private const string Summary =
        "Turns a pretrained ONNX model into a Bayesian fine-tuning package: fits the posterior of its weights, bakes it as a prior into training graphs, trains them, exports one ONNX file.";

    private static readonly Option<bool> Json = new("--json") { Description = "The result as one JSON document on the standard output.", Recursive = true };
    private static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "No progress and no remarks.", Recursive = true };
    private static readonly Option<bool> Verbose = new("--verbose") { Description = "Stack traces with errors.", Recursive = true };

    /// <summary>Runs a command line to its end.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="output">Takes results, and nothing else.</param>
    /// <param name="error">Takes progress, remarks and errors.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter error) => Run(args, output, error, Verbs.All, Verbs.Groups);

    internal static int Run(string[] args, TextWriter output, TextWriter error, IReadOnlyList<IVerb> verbs, IReadOnlyList<VerbGroup> groups)
    {
        var (root, actions) = Build(verbs, groups);
        // A leading '@' in a name is a name; no file is read for it.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is not (null or ParseErrorAction))
            return parsed.Invoke(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        if (args.Length == 0)
        {
            root.Parse(["--help"]).Invoke(new InvocationConfiguration { Output = error, Error = error });
            return ExitCode.BadInput;
        }
        if (parsed.Errors.Count > 0 || !actions.TryGetValue(parsed.CommandResult.Command, out var verb))
            return Misused(parsed, error);
        return Run(verb, parsed, output, error);
    }

    private static int Run(IVerb verb, ParseResult parsed, TextWriter output, TextWriter error)
    {
        using var cancelling = new CancellationTokenSource();
        var signalled = ExitCode.Interrupted;
        using var interrupt = Listen(PosixSignal.SIGINT, ExitCode.Interrupted);
        using var terminate = Listen(PosixSignal.SIGTERM, ExitCode.Terminated);
        var terminal = new Terminal(output, error, parsed.GetValue(Json), parsed.GetValue(Quiet));
        try
        {
            return verb.Run(parsed, terminal, cancelling.Token);
        }
        catch (Exception problem)
        {
            var (code, message) = Failure.Explain(problem, cancelling.IsCancellationRequested ? signalled : null);
            if (parsed.GetValue(Verbose))
                message += Environment.NewLine + problem;
            if (code is ExitCode.Interrupted or ExitCode.Terminated)
                terminal.Note(message);
            else
                terminal.Error(message);
            return code;
        }

        PosixSignalRegistration Listen(PosixSignal signal, int code) => PosixSignalRegistration.Create(signal, context =>
        {
            // The first signal ends the work in good order, the second at once.
            context.Cancel = !cancelling.IsCancellationRequested;
            signalled = code;
            cancelling.Cancel();
        });
    }

    private static int Misused(ParseResult parsed, TextWriter error)
    {
        error.WriteLine($"error: {string.Join(' ', parsed.Errors.Select(problem => Plain(problem.Message)).Distinct())}");
        error.WriteLine($"'{PathOf(parsed.CommandResult.Command)} --help' shows what can be given.");
        return ExitCode.BadInput;
    }

    // The library names types of .NET, and breaks lines.
    private static string Plain(string message) => NamedType().Replace(
        message.ReplaceLineEndings(" ").Replace('\t', ' ').Replace("  ", " ", StringComparison.Ordinal).Trim(),
        match => match.Groups[1].Value switch
        {
            "System.Double" or "System.Single" => "as a number",
            "System.Int32" or "System.Int64" or "System.UInt64" => "as a whole number in its range",
            _ => "as one of its values",
        });

    [GeneratedRegex("as expected type '([^']+)'", RegexOptions.CultureInvariant)]
    private static partial Regex NamedType();

    private static (Command Root, Dictionary<Command, IVerb> Actions) Build(IReadOnlyList<IVerb> verbs, IReadOnlyList<VerbGroup> groups)
    {
        var actions = new Dictionary<Command, IVerb>();
        var examples = new Dictionary<Command, IReadOnlyList<Example>>();
        // A plain command, not a RootCommand, which would be called after the file that runs (a test host, dotnet).
        var help = new HelpOption();
        var root = new Command(Name, Summary) { Json, Quiet, Verbose, help, new VersionOption { Action = new ShowVersion() } };
        help.Action = new HelpWithExamples((HelpAction)help.Action!, examples);
        foreach (var verb in verbs)
            root.Add(Declared(verb));
        foreach (var group in groups)
        {
            var command = new Command(group.Name, group.Summary);
            foreach (var verb in group.Verbs)
                command.Add(Declared(verb));
            root.Add(command);
        }
        return (root, actions);

        Command Declared(IVerb verb)
        {
            var command = new Command(verb.Name, verb.Summary);
            verb.Declare(command);
            actions.Add(command, verb);
            examples.Add(command, verb.Examples);
            return command;
        }
    }

    private static string PathOf(Command command)
    {
        var words = new Stack<string>();
        for (var at = command; at is not null; at = at.Parents.OfType<Command>().FirstOrDefault())
            words.Push(at.Name);
        return string.Join(' ', words);
    }

    private sealed class ShowVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(typeof(CommandLine).Assembly.GetName().Version?.ToString(3));
            return ExitCode.Done;
        }
    }

    /// <summary>The library's help, and below it the verb's examples.</summary>
    private sealed class HelpWithExamples(HelpAction standard, IReadOnlyDictionary<Command, IReadOnlyList<Example>> examples) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var code = standard.Invoke(parseResult);
            if (!examples.TryGetValue(parseResult.CommandResult.Command, out var lines))
                return code;
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var (line, meaning) in lines)
                output.WriteLine($"  {meaning}:{Environment.NewLine}    {Name} {line}");
            output.WriteLine();
            return code;
        }
    }
}
