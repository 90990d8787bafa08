import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNexus } from '../NexusContext';
import { type Api, answerOf, type Schemas } from './client';

export type CopyRequest = Partial<Schemas['CopyRequest']> & { readonly prompt: string };
export type SentimentRequest = Partial<Schemas['SentimentRequest']>;
export type SummaryRequest = Partial<Schemas['SummaryRequest']> & { readonly text: string };
export type TranslationRequest = Partial<Schemas['TranslationRequest']> & { readonly text: string };
export type Copy = Schemas['Copy'];
export type Sentiments = Schemas['Sentiments'];
export type Summary = Schemas['Summary'];
export type Translations = Schemas['Translations'];

/** What every task's answer tells beside its data. */
export type Answer<Data> = Omit<Schemas['CopyResponse'], 'data'> & { readonly data: Data };

interface Asked<Request> {
  readonly request: Request;
  /** Asks for a new answer, where one is cached, too. */
  readonly isFresh: boolean;
}

type Send<Request, Data> = (api: Api, request: Request, params: Params) => Promise<Answer<Data>>;
type Params = { readonly header?: { readonly 'Cache-Control': 'no-cache' } };

// What a request leaves out has the API's default.
const copy: Send<CopyRequest, Copy> = (api, request, params) =>
  answerOf(
    api.POST('/api/marketing/ai-assistant/generate-copy-v2', {
      params,
      body: request as Schemas['CopyRequest'],
    }),
  );
const sentiment: Send<SentimentRequest, Sentiments> = (api, request, params) =>
  answerOf(
    api.POST('/api/marketing/ai-assistant/analyze-sentiment', {
      params,
      body: request as Schemas['SentimentRequest'],
    }),
  );
const summary: Send<SummaryRequest, Summary> = (api, request, params) =>
  answerOf(
    api.POST('/api/marketing/ai-assistant/generate-summary', {
      params,
      body: request as Schemas['SummaryRequest'],
    }),
  );
const translation: Send<TranslationRequest, Translations> = (api, request, params) =>
  answerOf(
    api.POST('/api/marketing/ai-assistant/translate', {
      params,
      body: request as Schemas['TranslationRequest'],
    }),
  );

function useTask<Request, Data>(send: Send<Request, Data>) {
  const { api } = useNexus();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ request, isFresh }: Asked<Request>) =>
      send(api, request, isFresh ? { header: { 'Cache-Control': 'no-cache' } } : {}),
    // Answered or refused, it was counted and recorded.
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
