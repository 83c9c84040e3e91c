//! A body is found in what it is wrapped in.

use super::check;

/// OpenAI and Mistral Batch API; Claude Message Batches; Gemini batch; Bedrock batch inference and
/// invocation log; Groq's last chunk; a gateway's record.
#[test]
fn bodies_are_looked_for_in_what_holds_them() {
    for (provider, body, expected) in [
        (
            "openai",
            r#"{"id":"batch_req_123","custom_id":"request-2","response":{"status_code":200,"request_id":"req_123","body":{"id":"chatcmpl-123","object":"chat.completion","model":"gpt-4o-mini","usage":{"prompt_tokens":22,"completion_tokens":2,"total_tokens":24},"service_tier":"default"}},"error":null}"#,
            r#""request-2" gpt-4o-mini/batch input_total:22,output_total:2"#,
        ),
        (
            "openai",
            r#"{"id":"batch_req_9","custom_id":"request-3","response":null,"error":{"code":"batch_expired","message":"This request could not be executed before the completion window expired."}}"#,
            r#""request-3" rejected: the response is an error: This request could not be executed before the completion window expired."#,
        ),
        (
            "anthropic",
            r#"{"custom_id":"my-second-request","result":{"type":"succeeded","message":{"id":"msg_014","type":"message","model":"claude-opus-4-8","usage":{"input_tokens":11,"output_tokens":36,"service_tier":"batch"}}}}"#,
            r#""my-second-request" claude-opus-4-8/batch input_total:11,output_total:36"#,
        ),
        (
            "google",
            r#"{"key":"request-1","response":{"candidates":[],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":3,"totalTokenCount":11},"modelVersion":"gemini-2.5-flash"}}"#,
            r#""request-1" gemini-2.5-flash/batch input_total:8,output_total:3"#,
        ),
        (
            "aws",
            r#"{"recordId":"CALL1","modelInput":{},"modelOutput":{"model":"claude-3-haiku","usage":{"input_tokens":5,"output_tokens":6}}}"#,
            r#""CALL1" claude-3-haiku/batch input_total:5,output_total:6"#,
        ),
        (
            "aws",
            r#"{"schemaType":"ModelInvocationLog","schemaVersion":"1.0","timestamp":"2026-08-21T10:00:00Z","accountId":"123456789012","identity":{"arn":"arn:aws:iam::123456789012:user/x"},"region":"eu-west-1","requestId":"r-1","operation":"InvokeModel","modelId":"eu.anthropic.claude-sonnet-4-6","input":{"inputContentType":"application/json","inputTokenCount":15,"cacheReadInputTokenCount":4,"cacheWriteInputTokenCount":2,"inputBodyJson":{}},"output":{"outputTokenCount":20}}"#,
            r#""r-1" eu.anthropic.claude-sonnet-4-6/eu-west-1 input_total:21,cache_read:4,cache_write_5m:2,output_total:20"#,
        ),
        (
            "aws",
            r#"{"schemaType":"ModelInvocationLog","region":"us-east-1","requestId":"r-2","modelId":"anthropic.claude-opus-4-8","input":{"inputTokenCount":15,"cacheWriteInputTokenCount":7},"output":{"outputTokenCount":20,"outputBodyJson":{"model":"claude-opus-4-8","usage":{"input_tokens":15,"output_tokens":20,"cache_creation_input_tokens":7,"cache_creation":{"ephemeral_1h_input_tokens":7}}}}}"#,
            r#""r-2" anthropic.claude-opus-4-8/us-east-1 input_total:22,cache_write_1h:7,output_total:20"#,
        ),
        (
            "aws",
            r#"{"schemaType":"ModelInvocationLog","region":"us-east-1","requestId":"r-3","modelId":"anthropic.claude-opus-4-8","operation":"InvokeModelWithResponseStream","input":{"inputTokenCount":15},"output":{"outputTokenCount":20,"outputBodyJson":[{"type":"message_start","message":{"model":"claude-opus-4-8","usage":{"input_tokens":15,"output_tokens":1}}},{"type":"message_delta","usage":{"output_tokens":20}}]}}"#,
            r#""r-3" anthropic.claude-opus-4-8/us-east-1 input_total:15,output_total:20"#,
        ),
        (
            "groq",
            r#"{"id":"c","object":"chat.completion.chunk","model":"llama","choices":[],"x_groq":{"id":"req_1","usage":{"queue_time":0.03,"prompt_tokens":7,"completion_tokens":8,"total_tokens":15}}}"#,
            r#""c" llama input_total:7,output_total:8"#,
        ),
        (
            "azure",
            r#"{"id":7,"model":"my-deployment","body":{"id":"x","usage":{"prompt_tokens":1,"completion_tokens":2}}}"#,
            "7 my-deployment input_total:1,output_total:2",
        ),
        (
            "openai",
            r#"{"request":{"model":"asked","service_tier":"flex"},"response":"{\"model\":\"given\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}"}"#,
            "given input_total:1,output_total:2",
        ),
        (
            "openai",
            r#"{"id":"s","body":"data: {\"model\":\"gpt\",\"choices\":[]}\n\ndata: {\"model\":\"gpt\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"}"#,
            r#""s" gpt input_total:1,output_total:2"#,
        ),
        (
            "aws",
            r#"{"metadata":{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":1}}}"#,
            "m input_total:1,output_total:2",
        ),
        // A counted body is not looked into: what its answer says is no usage.
        (
            "ollama",
            r#"{"model":"a","message":{"usage":{"prompt_tokens":99}},"prompt_eval_count":1,"eval_count":2}"#,
            "a input_total:1,output_total:2",
        ),
    ] {
        check(provider, "", body, expected);
    }
}
