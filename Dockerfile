# The steps are plain: install, compile, install again without development packages, run as nobody.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
WORKDIR /opt/fairlead
ENV NODE_ENV=production
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
RUN mkdir -p /var/lib/fairlead && chown 65532:65532 /var/lib/fairlead
USER 65532:65532
ENV STATE_DIRECTORY=/var/lib/fairlead
VOLUME /var/lib/fairlead
EXPOSE 8080 8443 9998
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s CMD ["node", "dist/src/main.js", "healthcheck"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["run"]
