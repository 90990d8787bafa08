import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '@/NexusContext';
import { type Api, bodyOf, type Schemas } from './client';

export type CopyRequest = Partial<Schemas['CopyRequest']> & { readonly prompt: string };
export type SentimentRequest = Partial<Schemas['SentimentRequest']>;
export type SummaryRequest = Partial<Schemas['SummaryRequest']> & { readonly text: string };
export type TranslationRequest = Partial<Schemas['TranslationRequest']> & { readonly text: string };
export type Platform = Schemas['Platform'];
export type CopyContext = Schemas['CopyContext'];
export type SummaryStyle = Schemas['Style'];
export type Formality = Schemas['Formality'];
export type Copy = Schemas['Copy'];
export type Sentiments = Schemas['Sentiments'];
export type Summary = Schemas['Summary'];
export type Translations = Schemas['Translations'];

/** A task's response: its data, with provider, model, usage, fallback and latency. */
export type TaskResponse<Data> = Omit<Schemas['CopyResponse'], 'data'> & { readonly data: Data };

interface TaskCall<Request> {
  readonly request: Request;
  /** Ask for a new completion even if one is cached. */
  readonly skipCache: boolean;
}

type Send<Request, Data> = (api: Api, request: Request, params: Params) => Promise<TaskResponse<Data>>;
type Params = { readonly header?: { readonly 'Cache-Control': 'no-cache' } };

// The API applies its defaults to fields that a request leaves out.
const copy: Send<CopyRequest, Copy> = (api, request, params) =>
  bodyOf(
    api.POST('/api/marketing/ai-assistant/generate-copy-v2', {
      params,
      body: request as Schemas['CopyRequest'],
    }),
  );
const sentiment: Send<SentimentRequest, Sentiments> = (api, request, params) =>
  bodyOf(
    api.POST('/api/marketing/ai-assistant/analyze-sentiment', {
      params,
      body: request as Schemas['SentimentRequest'],
    }),
  );
const summary: Send<SummaryRequest, Summary> = (api, request, params) =>
  bodyOf(
    api.POST('/api/marketing/ai-assistant/generate-summary', {
      params,
      body: request as Schemas['SummaryRequest'],
    }),
  );
const translation: Send<TranslationRequest, Translations> = (api, request, params) =>
  bodyOf(
    api.POST('/api/marketing/ai-assistant/translate', {
      params,
      body: request as Schemas['TranslationRequest'],
    }),
  );

function useTask<Request, Data>(send: Send<Request, Data>) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ request, skipCache }: TaskCall<Request>) =>
      send(api, request, skipCache ? { header: { 'Cache-Control': 'no-cache' } } : {}),
    // Successful and failed requests both change the usage, the limits and the audit log.
    onSettled: async () => {
      for (const key of ['usage', 'limits', 'incidents', 'audit']) {
        await queryClient.invalidateQueries({ queryKey: [key] });
      }
    },
  });
}

export type Task<Request, Data> = ReturnType<typeof useTask<Request, Data>>;

export const useCopy = () => useTask(copy);
export const useSentiment = () => useTask(sentiment);
export const useSummary = () => useTask(summary);
export const useTranslation = () => useTask(translation);
