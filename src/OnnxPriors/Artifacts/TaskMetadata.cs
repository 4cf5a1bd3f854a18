using System.Text.Json;
using OnnxPriors.Objectives;

namespace OnnxPriors.Artifacts;

/// <summary>The task in an exported model's metadata, so that the file alone says how it is to be measured.</summary>
public static class TaskMetadata
{
    /// <summary>The key; models that classify need not have it.</summary>
    public const string Key = "onnxpriors.task";

    /// <summary>Writes a task as the metadata's text.</summary>
    /// <param name="task">The task.</param>
    public static string Write(TaskChoice task) => JsonSerializer.Serialize(task, ManifestJson.Default.TaskChoice);

    /// <summary>Reads the task of a model.</summary>
    /// <param name="metadata">The model's metadata.</param>
    /// <returns>The task; classification where nothing is said.</returns>
    /// <exception cref="ArtifactException">What is said is no task.</exception>
    public static TaskChoice Read(IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (!metadata.TryGetValue(Key, out var text))
            return TaskChoice.Classification;
        try
        {
            var task = JsonSerializer.Deserialize(text, ManifestJson.Default.TaskChoice) ?? TaskChoice.Classification;
            _ = task.Objective();
            return task;
        }
        catch (Exception error) when (error is JsonException or ObjectiveException)
        {
            throw new ArtifactException($"The model's metadata '{Key}' is no task: {error.Message} Export the model again.", error);
        }
    }
}
