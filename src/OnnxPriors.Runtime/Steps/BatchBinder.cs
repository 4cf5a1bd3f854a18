using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;

namespace OnnxPriors.Runtime.Steps;

/// <summary>Checks a batch against the model's inputs and binds it for one run.</summary>
internal static class BatchBinder
{
    /// <summary>Binds the model's own inputs.</summary>
    /// <returns>The values, which the caller disposes after the run.</returns>
    /// <exception cref="StepException">An input is missing, unknown or of the wrong shape.</exception>
    public static List<OrtValue> BindInputs(OrtIoBinding binding, IReadOnlyList<ManifestInput> inputs, Batch batch)
    {
        var values = new List<OrtValue>(inputs.Count + 1);
        try
        {
            foreach (var input in inputs)
            {
                var given = batch.Inputs.FirstOrDefault(candidate => (candidate.Name ?? inputs[0].Name) == input.Name)
                    ?? throw new StepException($"The batch has no input '{input.Name}', which the model needs; it has {Names(batch)}.");
                CheckShape(input, given, batch.Count);
                var value = given.CreateValue();
                values.Add(value);
                binding.BindInput(input.Name, value);
            }
        }
        catch
        {
            values.ForEach(value => value.Dispose());
            throw;
        }
        return values;
    }

    /// <summary>Refuses labels that are no class of the model.</summary>
    public static void CheckLabels(Batch batch, int classes)
    {
        var labels = batch.Labels.Span;
        for (var i = 0; i < labels.Length; i++)
            if (labels[i] < 0 || labels[i] >= classes)
                throw new StepException($"The label {labels[i]} of a batch's example {i} is outside 0 … {classes - 1}, the step's {classes} classes; check the data's labels, or bake with --classes {Math.Max(labels[i], 0) + 1}.");
    }

    private static void CheckShape(ManifestInput input, BatchInput given, int count)
    {
        var fits = given.Shape.Length == input.Shape.Count && given.Shape.Length > 0 && given.Shape[0] == count;
        for (var axis = 0; fits && axis < input.Shape.Count; axis++)
            if (long.TryParse(input.Shape[axis], NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size != given.Shape[axis])
                fits = false;
        if (!fits)
            throw new StepException($"The input '{input.Name}' of shape [{string.Join(", ", given.Shape)}] for {count} labels does not fit the model's [{string.Join(", ", input.Shape)}]; check the data and its preprocessing.");
    }

    private static string Names(Batch batch) => string.Join(", ", batch.Inputs.Select(input => $"'{input.Name}'"));
}
